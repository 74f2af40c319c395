"""A certificate authority of a test's own, with certificates for a broker on 127.0.0.1 and for devices."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lockers.transports.mosquitto import Tls
from marketplace.kernel import clock


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass
class Authority:
    folder: Path
    name: str = "test authority"
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._certificate = self._sign(self.name, self._key.public_key(), authority=True)
        self.ca = self._write("ca.pem", self._certificate)

    def issue(self, common: str) -> tuple[Path, Path]:
        """(certificate, key) files."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._write(f"{common}.pem", self._sign(common, key.public_key()))
        private = self.folder / f"{common}.key"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, private

    def broker(self, *, require_certificate: bool, revoked: Path | None = None) -> Tls:
        certificate, key = self.issue("broker")
        return Tls(self.ca, certificate, key, require_certificate=require_certificate, revoked=revoked)

    def revoke(self, certificate: Path) -> Path:
        wall = clock.wall()
        serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(wall).build()
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name(self.name))
            .last_update(wall - timedelta(minutes=1))
            .next_update(wall + timedelta(days=1))
            .add_revoked_certificate(entry)
            .sign(self._key, hashes.SHA256())
        )
        path = self.folder / "revoked.pem"
        path.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(
        self, common: str, key: ec.EllipticCurvePublicKey, *, authority: bool = False
    ) -> x509.Certificate:
        wall = clock.wall()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common))
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(wall - timedelta(minutes=5))
            .not_valid_after(wall + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return builder.add_extension(address, critical=False).sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path
