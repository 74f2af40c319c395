from django.urls import path

from lockers.views import messages, register_device

urlpatterns = [
    path("register", register_device),
    path("messages", messages),
]
