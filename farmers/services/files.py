"""Pictures as evidence: who put what there when, and that it is still the same."""

import hashlib
from uuid import UUID

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from farmers.models import EvidenceFile
from farmers.services.access import acting_user
from marketplace.api.files import store_image
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal

PURPOSES = frozenset({"consent", "certificate", "listing", "delivery", "claim"})


def upload_evidence(*, principal: Principal, upload: "UploadedFile[bytes]", purpose: str) -> EvidenceFile:
    """Store a photo or a signature of the signed-in user. Raises InvalidInput on `purpose` or `file`."""
    principal.require_signed_in()
    if purpose not in PURPOSES:
        raise InvalidInput(N_("没有这种用途"), field="purpose")
    user = acting_user(principal)
    if user is None:
        raise Forbidden()
    name = store_image(upload, purpose=purpose, owner_uuid=user.uuid)
    with default_storage.open(name) as stored:
        digest = hashlib.sha256(stored.read()).hexdigest()
    file: EvidenceFile = EvidenceFile.objects.create(
        name=name, purpose=purpose, sha256=digest, uploaded_by=user, uploaded_at=clock.now()
    )
    return file


def own_file(*, principal: Principal, file_uuid: UUID, field: str) -> EvidenceFile:
    """A file that this user uploaded (the platform may name any). Raises NotFound for others'."""
    files = EvidenceFile.objects.filter(uuid=file_uuid)
    if not principal.has("platform"):
        files = files.filter(uploaded_by__uuid=principal.user_uuid)
    file: EvidenceFile | None = files.first()
    if file is None:
        raise NotFound(field=field)
    return file


def read_evidence(*, principal: Principal, file_uuid: UUID) -> bytes:
    """The picture, for who uploaded it and for the platform."""
    principal.require_signed_in()
    with default_storage.open(own_file(principal=principal, file_uuid=file_uuid, field="id").name) as stored:
        content: bytes = stored.read()
    return content
