"""The sealed courier token: what a courier carries so that a cabinet without network takes or gives parcels.

Sealed (ChaCha20-Poly1305) under the key of one cabinet and generation, so that neither the courier nor
whoever finds his phone reads the tags, and no other cabinet accepts it. One token per cabinet that may take
the parcels: the next feasible cabinet takes the same group under the same code.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.config import Placed
from lockers.protocol.envelope import read_time, wire_time
from lockers.protocol.errors import Malformed, Refused
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Drop:
    """A parcel to leave here: its allocation (made by the server beforehand) and the cell it needs."""

    placed: Placed
    need: Need


@dataclass(frozen=True, slots=True)
class CourierToken:
    device: str
    generation: int
    tx: str
    courier: str
    expires_at: datetime
    drops: tuple[Drop, ...] = ()
    recalls: tuple[str, ...] = ()  # allocations he may take out


def seal_token(token: CourierToken, *, key: bytes) -> str:
    """URL-safe base 64 text. `key` is keys.seal_key of that cabinet."""
    plain = orjson.dumps(
        {
            "tx": token.tx,
            "courier": token.courier,
            "expires": wire_time(token.expires_at),
            "drops": [_drop_as_wire(each) for each in token.drops],
            "recalls": list(token.recalls),
        },
    )
    nonce = os.urandom(_NONCE_BYTES)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, plain, _bound_to(token.device, token.generation))
    return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")


def open_token(text: str, *, key: bytes, device: str, generation: int, now: datetime) -> CourierToken:
    """Raises Refused with code `bad_token` (also: another cabinet or generation) or `expired`."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = orjson.loads(
            ChaCha20Poly1305(key).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound_to(device, generation)
            ),
        )
        token = CourierToken(
            device=device,
            generation=generation,
            tx=str(plain["tx"]),
            courier=str(plain["courier"]),
            expires_at=read_time(plain["expires"]),
            drops=tuple(_drop_from_wire(each) for each in plain["drops"]),
            recalls=tuple(str(each) for each in plain["recalls"]),
        )
    except (binascii.Error, InvalidTag, Malformed, KeyError, TypeError, ValueError):
        raise Refused("not sealed for this cabinet", code="bad_token") from None
    if now >= token.expires_at:
        raise Refused("token expired", code="expired")
    return token


def _bound_to(device: str, generation: int) -> bytes:
    return f"courier-v1|{device}|{generation}".encode()


def _drop_as_wire(drop: Drop) -> dict[str, Any]:
    need = drop.need
    return {
        **drop.placed.as_wire(),
        "size": need.size.value,
        "zone": need.zone,
        "min_c": need.band.min_c,
        "max_c": need.band.max_c,
    }


def _drop_from_wire(plain: Mapping[str, Any]) -> Drop:
    placed = Placed.from_wire({**plain, "state": AllocationState.RESERVED.value})
    return Drop(placed, Need(Size(plain["size"]), str(plain["zone"]), Band(plain["min_c"], plain["max_c"])))
