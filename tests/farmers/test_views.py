import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from farmers.models import EvidenceFile
from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import sign_in_with_pin
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def photo_with_place() -> bytes:
    picture, exif = Image.new("RGB", (40, 30), "green"), Image.Exif()
    exif[0x010F] = "PhoneMaker"
    exif[0x8825] = {1: "N", 2: (28.0, 42.0, 0.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def bearer(user: User) -> dict[str, str]:
    token, _ = sign_in_with_pin(phone=user.phone, pin="123456")
    return {"authorization": f"Bearer {token}"}


def send(content: bytes, headers: dict[str, str], **form: str) -> Any:
    upload = SimpleUploadedFile("signature.jpg", content, "image/jpeg")
    return Client().post("/files", {"file": upload, **form}, headers=headers)


def test_a_photo_is_kept_without_its_place_and_device() -> None:
    user = make_user(pin="123456")
    original = photo_with_place()
    assert b"PhoneMaker" in original
    answer = send(original, bearer(user), purpose="consent")
    assert answer.status_code == 201
    file = EvidenceFile.objects.get(uuid=answer.json()["id"])
    assert (file.uploaded_by, file.purpose, len(file.sha256)) == (user, "consent", 64)
    with default_storage.open(file.name) as stored:
        kept = stored.read()
    assert b"PhoneMaker" not in kept
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.size, dict(picture.getexif())) == ((40, 30), {})


def test_only_who_uploaded_it_sees_it_again() -> None:
    owner, stranger = make_user(pin="123456"), make_user(pin="123456")
    path = f"/files/{send(photo_with_place(), bearer(owner)).json()['id']}"
    shown = Client().get(path, headers=bearer(owner))
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert Client().get(path, headers=bearer(stranger)).status_code == 404
    assert Client().get(path).status_code == 401


@pytest.mark.parametrize(
    ("content", "form", "status", "field"),
    [
        (b"<script>alert(1)</script>", {}, 400, "file"),
        (b"", {}, 400, "file"),
        (photo_with_place(), {"purpose": "world domination"}, 400, "purpose"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(
    content: bytes, form: dict[str, str], status: int, field: str
) -> None:
    answer = send(content, bearer(make_user(pin="123456")), **form)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert EvidenceFile.objects.count() == 0


def test_nobody_uploads_nothing() -> None:
    assert send(photo_with_place(), {}).status_code == 401
    assert send(photo_with_place(), {"authorization": "Bearer wrong"}).status_code == 401
    headers = bearer(make_user(pin="123456"))
    assert Client().post("/files", {}, headers=headers).json()["errors"][0]["field"] == "file"
    assert Client().get("/files", headers=headers).status_code == 405
    assert EvidenceFile.objects.count() == 0
