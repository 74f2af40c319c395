from django.apps import AppConfig
from django.conf import settings

from marketplace.kernel import clock


class DatabaseConfig(AppConfig):
    name = "marketplace.database"
    label = "database"

    def ready(self) -> None:
        from marketplace.database.business_time import read_setting

        if settings.TESTER_CONSOLE:
            clock.install(read_setting)
