from django.contrib import admin

from lockers.models import Allocation, Cabinet, CapacityHold, Command, Compartment, Device, DeviceAlarm


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that services write; the admin shows them."""

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Cabinet)
class CabinetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "kind", "site", "locked_out_until", "withdrawn_at")
    list_filter = ("kind",)
    search_fields = ("name",)


@admin.register(Device)
class DeviceAdmin(_ReadOnly):
    list_display = ("device", "cabinet", "online", "last_seen", "clock_error_s", "outbox", "firmware")
    list_filter = ("online", "simulated")
    search_fields = ("device",)


@admin.register(Compartment)
class CompartmentAdmin(_ReadOnly):
    list_display = ("cabinet", "label", "zone", "size", "door_state", "blocked_reason")
    list_filter = ("zone", "size", "door_state")


@admin.register(Allocation)
class AllocationAdmin(_ReadOnly):
    list_display = ("compartment", "reference", "state", "parcel_state", "deposited_at", "collect_until")
    list_filter = ("state", "parcel_state")
    search_fields = ("reference", "unit_uuid")


@admin.register(CapacityHold)
class CapacityHoldAdmin(_ReadOnly):
    list_display = ("reference", "place_uuid", "zone", "size", "slot_date", "status", "expires_at")
    list_filter = ("status", "zone")
    search_fields = ("reference",)


@admin.register(Command)
class CommandAdmin(_ReadOnly):
    list_display = ("device", "action", "purpose", "actor_label", "reason", "status", "result", "issued_at")
    list_filter = ("action", "status", "result")


@admin.register(DeviceAlarm)
class DeviceAlarmAdmin(_ReadOnly):
    list_display = ("device", "compartment", "kind", "raised_at", "cleared_at")
    list_filter = ("kind",)
