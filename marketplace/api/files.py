"""Uploaded pictures: checked, stripped of EXIF by re-encoding, stored under a random name."""

import io
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, UnidentifiedImageError

from marketplace.kernel import ids
from marketplace.kernel.errors import N_, InvalidInput

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
LONGEST_EDGE = 2048
KINDS = frozenset({"JPEG", "PNG", "WEBP"})


def store_image(upload: UploadedFile, *, purpose: str, owner_uuid: UUID) -> str:
    """Store a photo or a signature; gives its storage name `purpose/owner/uuid.jpg`.

    Re-encoding drops EXIF (place and device of the photographer) and anything hidden behind the picture.
    Raises InvalidInput naming `file` for a file that is too large or no JPEG, PNG or WebP picture.
    """
    if upload.file is None or upload.size is None or upload.size > MAX_BYTES:
        raise InvalidInput(
            N_("图片不能超过 %(limit)s MB"), field="file", params={"limit": MAX_BYTES // 1024 // 1024}
        )
    try:
        with Image.open(upload.file) as opened:
            if opened.format not in KINDS or opened.width * opened.height > MAX_PIXELS:
                raise InvalidInput(N_("请上传 JPEG、PNG 或 WebP 图片"), field="file")
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise InvalidInput(N_("请上传 JPEG、PNG 或 WebP 图片"), field="file") from None
    picture.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return default_storage.save(f"{purpose}/{owner_uuid}/{ids.uuid7()}.jpg", ContentFile(out.getvalue()))
