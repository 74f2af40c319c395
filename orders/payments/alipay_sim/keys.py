"""The simulator's RSA key pair, its signatures, and the check of the app's signatures."""

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PRIVATE_FILE = "alipay_private_key.pem"
PUBLIC_FILE = "alipay_public_key.pem"
APP_PRIVATE_FILE = "app_private_key.pem"
APP_PUBLIC_FILE = "app_public_key.pem"


class SimKeys:
    """Signs as Alipay (own pair, made on first start) and verifies as Alipay (the app's public key)."""

    def __init__(self, *, private_key: rsa.RSAPrivateKey, app_public_key: rsa.RSAPublicKey) -> None:
        self._private_key = private_key
        self._app_public_key = app_public_key

    @classmethod
    def open(cls, *, data_dir: Path, app_public_key: bytes | None = None) -> "SimKeys":
        """Without `app_public_key` the app's pair is issued here too, as the provider's sandbox does."""
        private_path = data_dir / PRIVATE_FILE
        if not (data_dir / PUBLIC_FILE).exists():
            _make_pair(private_path=private_path, public_path=data_dir / PUBLIC_FILE)
        if app_public_key is None:
            app_public_path = data_dir / APP_PUBLIC_FILE
            if not app_public_path.exists():
                _make_pair(private_path=data_dir / APP_PRIVATE_FILE, public_path=app_public_path)
            app_public_key = app_public_path.read_bytes()
        private_key = serialization.load_pem_private_key(private_path.read_bytes(), password=None)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise ValueError(f"{private_path} holds no RSA key")
        return cls(private_key=private_key, app_public_key=load_public_key(app_public_key))

    def sign(self, content: bytes, *, sha1: bool = False) -> str:
        """Base64 of RSA PKCS#1 v1.5 over SHA-256; `sha1` serves the downgrade fault only."""
        digest = hashes.SHA1() if sha1 else hashes.SHA256()
        return base64.b64encode(self._private_key.sign(content, padding.PKCS1v15(), digest)).decode()

    def verify_app(self, content: bytes, signature: str) -> bool:
        try:
            raw = base64.b64decode(signature, validate=True)
            self._app_public_key.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error):
            return False
        return True


def load_public_key(pem_or_base64: bytes) -> rsa.RSAPublicKey:
    """Accepts a PEM file or the bare base64 that the provider's console shows."""
    text = pem_or_base64.strip()
    if not text.startswith(b"-----BEGIN"):
        text = b"-----BEGIN PUBLIC KEY-----\n" + text + b"\n-----END PUBLIC KEY-----"
    key = serialization.load_pem_public_key(text)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA public key")
    return key


def sign_content(fields: dict[str, str], *, leave_out: tuple[str, ...]) -> bytes:
    """Non-empty fields sorted by key and joined raw as `k=v&k=v`."""
    pairs = sorted((k, v) for k, v in fields.items() if v and k not in leave_out)
    return "&".join(f"{k}={v}" for k, v in pairs).encode()


def _make_pair(*, private_path: Path, public_path: Path) -> None:
    """The private key is written first and the public one last: a half-made pair is made again."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private_path.touch(mode=0o600)
    private_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    public_path.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
