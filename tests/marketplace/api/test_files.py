import io

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from marketplace.api.files import store_image
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.ids import uuid7


def picture(kind: str = "JPEG", exif: bool = True) -> bytes:
    image = Image.new("RGB", (64, 48), "green")
    tags = Image.Exif()
    tags[0x010F] = "SecretPhone"
    out = io.BytesIO()
    image.save(out, kind, **({"exif": tags} if exif else {}))
    return out.getvalue()


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_a_photo_loses_its_exif() -> None:
    raw = picture()
    assert b"SecretPhone" in raw
    name = store_image(SimpleUploadedFile("x.jpg", raw), purpose="evidence", owner_uuid=uuid7())
    with default_storage.open(name) as stored:
        kept = stored.read()
    assert b"SecretPhone" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert image.size == (64, 48)
        assert not image.getexif()


@pytest.mark.parametrize("raw", [b"", b"<svg onload=alert(1)>", picture("GIF", exif=False), picture()[:200]])
def test_what_is_no_picture_is_refused(raw: bytes, tmp_path) -> None:
    with pytest.raises(InvalidInput) as refused:
        store_image(SimpleUploadedFile("x.jpg", raw), purpose="evidence", owner_uuid=uuid7())
    assert refused.value.field == "file"
    assert list(tmp_path.iterdir()) == []
