"""What a cabinet computes at its keypad and scanner."""

import secrets
import time
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockers.protocol import codes, keys, qr
from marketplace.kernel import clock
from tests.lockers.bench.conftest import Row

ROOT_KEY = secrets.token_bytes(keys.KEY_BYTES)


def bench_codes(row: Row) -> None:
    tag_key = keys.tag_key(keys.locker_key(ROOT_KEY, device="L1", generation=1))
    began = time.perf_counter()
    digits = [codes.pickup_code(ROOT_KEY, group=group, counter=0) for group in range(1, 50_001)]
    derived = 50_000 / (time.perf_counter() - began)
    live = [
        codes.LiveGroup(group, 0, codes.pickup_tag(tag_key, code=digits[group - 1], group=group, counter=0))
        for group in range(1, 61)
    ]
    began = time.perf_counter()
    for _ in range(200):
        assert codes.match_code(digits[29], live, tag_key=tag_key).group == 30
    took_ms = (time.perf_counter() - began) / 200 * 1e3
    row("codes derived", f"{derived:,.0f}/s")
    row("one input against the groups of 60 doors", f"{took_ms:.2f} ms (at most 5)")
    assert took_ms < 5


def bench_qr(row: Row) -> None:
    key = Ed25519PrivateKey.generate()
    until = clock.now() + timedelta(days=1)
    text = qr.sign_pickup(key, device="L1", token=qr.PickupToken(group=1, counter=0, expires_at=until))
    public = [key.public_key()]
    began = time.perf_counter()
    for _ in range(2_000):
        qr.read_pickup(text, device="L1", keys=public, now=clock.now())
    rate = 2_000 / (time.perf_counter() - began)
    row("QR tokens verified", f"{rate:,.0f}/s (at least 1,000), {len(text)} characters")
    assert rate >= 1_000
