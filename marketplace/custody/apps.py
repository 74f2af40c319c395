from django.apps import AppConfig


class CustodyConfig(AppConfig):
    name = "marketplace.custody"
    label = "custody"
