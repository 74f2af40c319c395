from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    label = "marketplace"

    def ready(self) -> None:
        """Every process that hands tasks over (web, drain) must know the queue, in all of its threads."""
        from marketplace.celery import app

        app.set_default()
