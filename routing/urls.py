from django.urls import path, register_converter

from routing.services.reports.plan_files import FILES
from routing.views import plan_file


class PlanFileKind:
    regex = "|".join(FILES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(PlanFileKind, "plan_file")

urlpatterns = [path("plans/<uuid:plan_uuid>.<plan_file:extension>", plan_file, name="plan_file")]
