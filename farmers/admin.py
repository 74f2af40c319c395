"""Stations and licences are kept here; people register at their station."""

from django.contrib import admin

from farmers.models import Farmer, SellerLicence, Station


@admin.register(Station)
class StationAdmin(admin.ModelAdmin[Station]):
    list_display = ("code", "name", "grade", "county", "active")
    list_filter = ("grade", "county", "active")
    search_fields = ("code", "name")
    raw_id_fields = ("place",)


class LicenceInline(admin.TabularInline[SellerLicence, Farmer]):
    model = SellerLicence
    extra = 0


@admin.register(Farmer)
class FarmerAdmin(admin.ModelAdmin[Farmer]):
    list_display = ("name", "seller_kind", "station", "hub")
    list_filter = ("seller_kind",)
    search_fields = ("name", "phone")
    raw_id_fields = ("user", "attested_by", "station")
    inlines = (LicenceInline,)
