"""Products are edited here; lots and stock only shown: their rules live in the services."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from catalog.models import Lot, OrderCycle, Product, Shortage, Stock
from catalog.services.products import save_product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin[Product]):
    list_display = ("name", "category", "direction", "zone", "unit", "size_class")
    list_filter = ("direction", "zone", "category")
    search_fields = ("name", "name_en")
    exclude = ("sort_key", "search_tokens")

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        save_product(obj)


class ShownOnly:
    """Looking, not touching."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Lot)
class LotAdmin(ShownOnly, admin.ModelAdmin[Lot]):
    list_display = ("product", "seller", "station", "available_quantity", "price_fen", "expires_on", "status")
    list_filter = ("status", "zone")
    list_select_related = ("product", "seller", "station")


@admin.register(Stock)
class StockAdmin(ShownOnly, admin.ModelAdmin[Stock]):
    list_display = ("lot", "place", "on_hand", "reserved", "offline_quota")


@admin.register(Shortage)
class ShortageAdmin(ShownOnly, admin.ModelAdmin[Shortage]):
    list_display = ("stock", "quantity", "why", "noticed_at", "settled_at")


@admin.register(OrderCycle)
class OrderCycleAdmin(ShownOnly, admin.ModelAdmin[OrderCycle]):
    list_display = ("hub", "delivery_date", "closes_at", "closed_at")
