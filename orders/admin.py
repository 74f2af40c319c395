"""Looking, not changing: trade records change through services alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from orders.models import Fulfilment, Line, LineRefund, Order, WeighIn


class ReadOnly(admin.ModelAdmin[Any]):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ("number", "direction", "status", "attention", "placed_at", "deliver_on")
    list_filter = ("status", "attention", "direction", "payment")
    search_fields = ("number", "uuid")


@admin.register(Fulfilment)
class FulfilmentAdmin(ReadOnly):
    list_display = ("uuid", "order", "way", "zone", "status", "held", "destination", "deliver_on")
    list_filter = ("status", "way", "zone", "held")
    search_fields = ("order__number", "uuid", "shipment_uuid", "unit_uuid")


@admin.register(Line)
class LineAdmin(ReadOnly):
    list_display = (
        "uuid",
        "order",
        "status",
        "quantity",
        "max_amount_fen",
        "final_amount_fen",
        "refunded_fen",
    )
    search_fields = ("order__number", "uuid")


@admin.register(LineRefund)
class LineRefundAdmin(ReadOnly):
    list_display = ("order", "line", "reason", "amount_fen", "at", "failed_at")
    list_filter = ("reason",)
    search_fields = ("order__number",)


@admin.register(WeighIn)
class WeighInAdmin(ReadOnly):
    list_display = ("station", "lot", "gross_g", "tare_g", "ordered_g", "at")
