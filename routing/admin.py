from django.contrib import admin

from routing.models import Leg, Plan, RoadPair, Route, Shipment, WaveRun


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    list_display = ("hub", "date", "wave", "version", "status", "distance_m", "cost_fen", "engine")
    list_filter = ("status", "wave", "date")
    list_select_related = ("hub",)


@admin.register(Route)
class RouteAdmin(admin.ModelAdmin[Route]):
    list_display = ("plan", "vehicle", "status", "distance_m", "departs_at", "returns_at")
    list_filter = ("status",)
    list_select_related = ("plan", "vehicle")


@admin.register(Shipment)
class ShipmentAdmin(admin.ModelAdmin[Shipment]):
    list_display = ("uuid", "reference", "direction", "deliver_on", "zone", "size", "status")
    list_filter = ("status", "direction", "zone", "deliver_on")
    search_fields = ("uuid", "reference")


@admin.register(Leg)
class LegAdmin(admin.ModelAdmin[Leg]):
    list_display = ("shipment", "seq", "kind", "wave", "hub", "place", "status")
    list_filter = ("kind", "wave", "status")
    list_select_related = ("shipment", "hub", "place")


@admin.register(WaveRun)
class WaveRunAdmin(admin.ModelAdmin[WaveRun]):
    list_display = ("hub", "date", "wave", "lease_until", "attempts", "last_error")


@admin.register(RoadPair)
class RoadPairAdmin(admin.ModelAdmin[RoadPair]):
    """Delete the rows of a server whose map is new."""

    list_display = ("server", "origin", "target", "distance_m", "time_s", "measured_at")
    list_filter = ("server",)
