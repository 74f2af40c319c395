from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    label = "marketplace"

    def ready(self) -> None:
        """Tasks sent from any process (drain, web, ingest) go to the queue of the settings."""
        from marketplace.celery import app

        app.set_default()
