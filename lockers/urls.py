from django.urls import path

from lockers.reports import siting_file
from lockers.views import messages, register_device, rfid_reads

urlpatterns = [
    path("register", register_device),
    path("messages", messages),
    path("siting.csv", siting_file),
    path("rfid", rfid_reads),
]
