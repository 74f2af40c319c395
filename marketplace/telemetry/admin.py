from django.contrib import admin

from marketplace.telemetry.models import Alarm, Breach, Probe, ShelfLifeFigure


@admin.register(Probe)
class ProbeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("device", "label", "asset_kind", "zone", "min_c", "max_c", "certificate", "valid_to")
    list_filter = ("asset_kind", "zone")
    search_fields = ("device", "certificate")


@admin.register(Breach)
class BreachAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("asset_kind", "zone", "side", "started_at", "ended_at", "peak_c", "decision")
    list_filter = ("asset_kind", "zone", "side")
    ordering = ("-started_at",)

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Alarm)
class AlarmAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("probe", "kind", "since", "worst_c", "raised_at", "cleared_at")
    list_filter = ("kind",)
    ordering = ("-raised_at",)

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(ShelfLifeFigure)
class ShelfLifeFigureAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("product_uuid", "q10", "days", "reference_c", "source")
