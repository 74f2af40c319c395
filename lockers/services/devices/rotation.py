"""Changing the root key and the QR signing key in place, with the cabinets at work.

Root: both keys lie in the file; each device gets its key under the new one by an order sealed under its
present one, and counts under the new one once it has answered. QR: the new public key is announced to every
cabinet first, then signed with, and the old one taken away when no QR of it can be valid any more.
Each step can be repeated; each is refused by name while an earlier one is not done.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import F, Q, QuerySet

from lockers.models import Command, Device
from lockers.protocol import keys
from lockers.protocol.commands import Action
from lockers.services.devices.commands import UNRESOLVED, Actor, send_command
from lockers.services.devices.registration import BROKER_CHANNEL
from lockers.services.devices.root_keys import read_plain, replace_key_file, root_keys, root_mark
from lockers.services.sites.cabinets import CONFIG_CHANNEL, notify
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict

#: the longest a parcel waits: three days, one longer, and a day to spare
QR_LIVES = timedelta(days=5)
ROTATION = Actor(label="process:rotation")


def start_root() -> None:
    """A new root beside the old one. Raises Conflict when one is being changed already."""
    plain = read_plain()
    if "root_next" in plain:
        raise Conflict(N_("根密钥正在更换"), code="rotation_running")
    replace_key_file({**plain, "root_next": secrets.token_hex(keys.KEY_BYTES)})


def order_moves() -> int:
    """Order every device that has not moved to take its new key; how many orders. What holds no key of ours
    has moved at once. Raises Conflict when nothing is being changed.
    """
    mark, ordered = _next_mark(), 0
    keyless = Q(boot=0, registered_at=None, simulated=False) | ~Q(carrier="")
    not_moved().filter(keyless).update(root_mark=mark)
    waiting = Command.objects.filter(UNRESOLVED, action=Action.REKEY, expires_at__gt=clock.wall())
    for device in not_moved().exclude(pk__in=waiting.values("device")):
        with transaction.atomic():
            send_command(device=device, action=Action.REKEY, actor=ROTATION, reason="root key changed")
        ordered += 1
    return ordered


def not_moved() -> QuerySet[Device]:
    """By device id. Raises Conflict when nothing is being changed."""
    devices: QuerySet[Device] = Device.objects.filter(revoked_at=None).exclude(root_mark=_next_mark())
    return devices.order_by("device")


def note_moved(device: Device, *, tx: str) -> None:
    """It answered that it holds the new key: from here on that one counts, and its tags are written anew."""
    known = root_keys()
    ordered = Command.objects.filter(uuid=tx, device=device, action=Action.REKEY).exists()
    if known.root_next is None or not ordered:
        return
    Device.objects.filter(pk=device.pk).update(
        root_mark=root_mark(known.root_next), config_version=F("config_version") + 1
    )
    notify(CONFIG_CHANNEL)
    notify(BROKER_CHANNEL)


def finish_root() -> None:
    """The old root goes. Raises Conflict while a device has not moved: revoke it, or issue it a token."""
    left = list(not_moved().values_list("device", flat=True))
    if left:
        raise Conflict(
            N_("这些设备还没有换密钥：%(names)s"), code="not_moved", params={"names": ", ".join(left)}
        )
    plain = read_plain()
    plain["root"] = plain.pop("root_next")
    replace_key_file(plain)


def _next_mark() -> str:
    known = root_keys()
    if known.root_next is None:
        raise Conflict(N_("没有正在更换的密钥"), code="no_rotation")
    return root_mark(known.root_next)


# -- the QR signing key --------------------------------------------------------------------------------------


def start_qr() -> None:
    """Announce a new public key to all cabinets; the old one signs on. Raises Conflict."""
    plain = read_plain()
    if "qr_next" in plain or "qr_previous_public" in plain:
        raise Conflict(N_("签名密钥正在更换"), code="rotation_running")
    _tell_all({**plain, "qr_next": secrets.token_hex(keys.KEY_BYTES)})


def not_told() -> Sequence[str]:
    """Cabinets that have not confirmed their present configuration."""
    cabinets = Device.objects.filter(revoked_at=None, cabinet__isnull=False, carrier="")
    behind = cabinets.filter(config_applied__lt=F("config_version")).order_by("device")
    return list(behind.values_list("device", flat=True))


def switch_qr(*, anyway: bool = False) -> None:
    """Sign with the announced key. Raises Conflict while a cabinet does not know it, unless `anyway`."""
    plain = read_plain()
    if "qr_next" not in plain:
        raise Conflict(N_("没有正在更换的密钥"), code="no_rotation")
    left = not_told()
    if left and not anyway:
        raise Conflict(
            N_("这些柜子还不认识新密钥：%(names)s"), code="not_told", params={"names": ", ".join(left)}
        )
    old = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(plain["qr"])).public_key()
    switched = {**plain, "qr": plain["qr_next"], "qr_previous_public": old.public_bytes_raw().hex()}
    switched["qr_switched_at"] = clock.now().isoformat()
    del switched["qr_next"]
    _tell_all(switched)


def finish_qr(*, anyway: bool = False) -> None:
    """The old public key goes. Raises Conflict while a QR signed with it may be valid, unless `anyway`."""
    plain = read_plain()
    if "qr_previous_public" not in plain:
        raise Conflict(N_("没有正在更换的密钥"), code="no_rotation")
    since = plain.get("qr_switched_at")
    until = datetime.fromisoformat(since) + QR_LIVES if since else None
    if until is not None and clock.now() < until and not anyway:
        raise Conflict(
            N_("旧密钥签的二维码到 %(until)s 还可能有效"), code="qr_alive", params={"until": f"{until:%F %T}"}
        )
    over = ("qr_previous_public", "qr_switched_at")
    _tell_all({name: key for name, key in plain.items() if name not in over})


def _tell_all(plain: dict[str, str]) -> None:
    """The file first: a configuration written from here on has what stands in it."""
    replace_key_file(plain)
    with transaction.atomic():
        Device.objects.filter(cabinet__isnull=False).update(config_version=F("config_version") + 1)
        notify(CONFIG_CHANNEL)
