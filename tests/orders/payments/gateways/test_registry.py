"""Keys: from settings or files, rotated without a restart, and named when they are missing or wrong."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured

from orders.payments.gateways import registry
from orders.payments.gateways.base import TradeStatus
from orders.payments.gateways.signing import sign, signed_content

KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture
def files(settings, tmp_path):
    """An app key file and a public key file that the settings name."""
    own, theirs = tmp_path / "app.pem", tmp_path / "alipay.pem"
    own.write_bytes(private(KEYS[0]))
    theirs.write_bytes(public(KEYS[1]))
    settings.ALIPAY_GATEWAY_URL = "http://127.0.0.1:9/gateway.do"
    settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID = "2021004100000001", "2088100000000001"
    settings.ALIPAY_APP_PRIVATE_KEY = settings.ALIPAY_PUBLIC_KEY = ""
    settings.ALIPAY_APP_PRIVATE_KEY_FILE, settings.ALIPAY_PUBLIC_KEY_FILE = str(own), str(theirs)
    registry.forget()
    yield own, theirs
    registry.forget()


def replace(path: Path, raw: bytes) -> None:
    """As a secret store does it: a new file takes the name of the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(raw)
    os.replace(fresh, path)


def believes(key) -> bool:
    fields = {"notify_id": "1", "app_id": "2", "sign_type": "RSA2"}
    fields["sign"] = sign(key, signed_content(fields, leave_out=("sign", "sign_type")))
    return registry.gateway().wire.verify(fields)


def test_a_replaced_file_is_read_by_the_next_call(files):
    own, theirs = files
    first = registry.gateway()
    assert registry.gateway() is first
    assert (believes(KEYS[1]), believes(KEYS[2])) == (True, False)
    replace(theirs, public(KEYS[2]))
    assert registry.gateway() is not first
    assert (believes(KEYS[1]), believes(KEYS[2])) == (False, True)
    second = registry.gateway()
    replace(own, private(KEYS[2]))
    assert registry.gateway() is not second


def test_while_the_provider_rotates_both_of_its_keys_are_trusted(files):
    replace(files[1], public(KEYS[1]) + b"\n" + public(KEYS[2]))
    assert (believes(KEYS[0]), believes(KEYS[1]), believes(KEYS[2])) == (False, True, True)


def test_keys_of_the_environment_win_over_files(files, settings):
    settings.ALIPAY_PUBLIC_KEY = public(KEYS[2]).decode()
    settings.ALIPAY_APP_PRIVATE_KEY = private(KEYS[2]).decode()
    assert (believes(KEYS[1]), believes(KEYS[2])) == (False, True)


def test_what_is_missing_or_wrong_is_named(files, settings):
    files[0].write_bytes(b"no key")
    with pytest.raises(ImproperlyConfigured, match="ALIPAY_APP_PRIVATE_KEY"):
        registry.gateway()
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = ""
    with pytest.raises(ImproperlyConfigured, match="ALIPAY_APP_PRIVATE_KEY_FILE"):
        registry.gateway()


def test_a_gateway_that_was_put_in_stays_until_it_is_taken_out(files, gateway):
    with registry.using(gateway):
        replace(files[0], private(KEYS[2]))
        assert registry.gateway() is gateway
        assert registry.gateway().query(out_trade_no="nobody").status is TradeStatus.ABSENT
    assert registry.gateway() is not gateway
