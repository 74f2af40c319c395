from django.apps import AppConfig


class SimulationConfig(AppConfig):
    name = "marketplace.simulation"
    label = "simulation"
