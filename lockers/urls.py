from django.urls import path

from lockers.reports import sites_template_file, siting_file
from lockers.views import messages, register_device, rfid_reads

urlpatterns = [
    path("register", register_device),
    path("messages", messages),
    path("siting.csv", siting_file),
    path("sites.csv", sites_template_file, {"kind": "csv"}),
    path("sites.xlsx", sites_template_file, {"kind": "xlsx"}),
    path("rfid", rfid_reads),
]
