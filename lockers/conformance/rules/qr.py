"""QR codes, checked by signature without network."""

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockers.conformance.bench import FAR, GROUP, Bench, NotKept
from lockers.protocol.qr import PickupToken, sign_pickup
from marketplace.kernel import clock

#: groups of their own: a token is used up for good
FIRST = 1_000


def opens_by_qr_once(bench: Bench) -> None:
    """A signed QR opens the doors of its group in this cabinet, once."""
    group = new_group(bench)
    bench.configure(bench.parcel(group=group))
    text = token(bench, group)
    attempt = scanned(bench, text)
    if attempt != (True, ""):
        raise NotKept(f"refused: {attempt[1]}")
    bench.collected(str(bench.told("code.attempt")[-1].tx))
    again = scanned(bench, text)
    if again[0]:
        raise NotKept("it opened twice")


def refuses_strange_qr_codes(bench: Bench) -> None:
    """Changed, of another signer, cabinet or group, past its end, of a revoked counter: opens nothing."""
    group = new_group(bench)
    bench.configure(bench.parcel(group=group, counter=1))
    right = token(bench, group, counter=1)
    strange = {
        "changed": right[:10] + ("A" if right[10] != "A" else "B") + right[11:],
        "another signer's": token(bench, group, counter=1, signer=Ed25519PrivateKey.generate()),
        "another cabinet's": token(bench, group, counter=1, device="somebody-else"),
        "expired": token(bench, group, counter=1, left=-timedelta(minutes=1)),
        "revoked": token(bench, group, counter=0),
        "another group's": token(bench, group + 1, counter=1),
    }
    for how, text in strange.items():
        if scanned(bench, text)[0]:
            raise NotKept(f"took a QR code that is {how}")
    if not scanned(bench, right)[0]:
        raise NotKept("refused the right one afterwards")
    bench.collected(str(bench.told("code.attempt")[-1].tx))


def takes_up_a_new_signing_key(bench: Bench) -> None:
    """With two public keys both signers count; with one taken away only the other."""
    old, new = bench.signer, Ed25519PrivateKey.generate()
    public = {key: key.public_key().public_bytes_raw() for key in (old, new)}
    group = new_group(bench)
    parcel = bench.parcel(group=group)
    bench.configure(parcel, qr_keys=(public[new],))
    if scanned(bench, token(bench, group, signer=old))[0]:
        raise NotKept("took the QR code of a signer that was taken away")
    bench.configure(parcel, qr_keys=(public[new], public[old]))
    if not scanned(bench, token(bench, group, signer=old))[0]:
        raise NotKept("refused the old signer during a rotation")
    bench.collected(str(bench.told("code.attempt")[-1].tx))
    bench.configure()


def token(
    bench: Bench, group: int, *, counter: int = 0, left: timedelta = FAR, device: str | None = None,
    signer: Ed25519PrivateKey | None = None,
) -> str:  # fmt: skip
    until = clock.wall() + left
    made = PickupToken(group=group, counter=counter, expires_at=until)
    return sign_pickup(signer or bench.signer, device=device or bench.device, token=made)


def new_group(bench: Bench) -> int:
    """Never seen by this device: from its version, which grows."""
    return GROUP + FIRST + bench.version * 10


def scanned(bench: Bench, text: str) -> tuple[bool, str]:
    """(ok, reason) of the attempt as the device tells it. Raises NotTried, NotKept when it tells nothing."""
    before = len(bench.told("code.attempt"))
    bench.hands("scan", text)
    bench.until(lambda: len(bench.told("code.attempt")) > before, "a scan is not told")
    bench.settle()
    attempt = bench.told("code.attempt")[-1]
    opened = bool(bench.pulsed(tx=attempt.tx))
    if opened != bool(attempt.body["ok"]):
        raise NotKept(f"says {attempt.body} and {'opened' if opened else 'did not open'}")
    return opened, str(attempt.body.get("reason", ""))
