from django.urls import path, register_converter

from orders.services.documents.statement_files import FILES
from orders.services.fulfilment.labels import FORMATS
from orders.views import claim_photo, label_file, receipt_file, statement_file


class _Word:
    """One of a few words."""

    regex = ""

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class LabelKind(_Word):
    regex = "unit|lot|shelf"


class LabelFormat(_Word):
    regex = "|".join(FORMATS)


class FileKind:
    regex = "|".join(FILES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FileKind, "statement_file")

register_converter(LabelKind, "label_kind")
register_converter(LabelFormat, "label_format")

urlpatterns = [
    path(
        "labels/<label_kind:kind>/<uuid:thing_uuid>.<label_format:extension>", label_file, name="label_file"
    ),
    path("receipts/<uuid:receipt_uuid>.pdf", receipt_file, name="receipt_file"),
    path("claims/<uuid:claim_uuid>/photo", claim_photo, name="claim_photo"),
    path(
        "statements/<slug:owner_kind>/<uuid:owner_uuid>.<statement_file:extension>",
        statement_file,
        name="statement_file",
    ),
]
