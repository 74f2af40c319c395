from django.apps import AppConfig


class FarmersConfig(AppConfig):
    name = "farmers"
    label = "farmers"
