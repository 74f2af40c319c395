from django.urls import path, register_converter

from orders.services.statement_files import FILES
from orders.views import claim_photo, statement_file


class FileKind:
    regex = "|".join(FILES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FileKind, "statement_file")

urlpatterns = [
    path("claims/<uuid:claim_uuid>/photo", claim_photo, name="claim_photo"),
    path(
        "statements/<slug:owner_kind>/<uuid:owner_uuid>.<statement_file:extension>",
        statement_file,
        name="statement_file",
    ),
]
