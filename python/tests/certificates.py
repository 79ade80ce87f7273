"""Owns the certificates of the tests: made when they are asked for, in a directory of their own.

Never uses a program: the `cryptography` package makes them. Called by tls.py.

The files: `root.crt` signs `server.crt` (for localhost and 127.0.0.1), `elsewhere.crt` (for another
host), `expired.crt`, `old.crt` (signed with SHA-384, for channel binding) and the client's
`client.crt` (for the role gino_cert), `client_both.crt` and `client_expired.crt`; `other_root.crt`
signs `client_unknown.crt` and `stranger.crt`; `self.crt` signs itself. Each has its `.key`;
`client_locked.key` is `client.key`, encrypted with the word `sesame`. `root.crl` revokes nothing,
`revoked.crl` revokes `server.crt`.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates and writes them to a directory."""

    def __init__(self, home: Path, name: str) -> None:
        self._home = home
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"the tests' {name}")
        self.certificate = (
            _builder(self._name, self._name, self._key.public_key(), NOW + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        _write(home / f"{name}.crt", self.certificate.public_bytes(_PEM))

    def sign(
        self,
        name: str,
        *hosts: str,
        common: str = "",
        until: datetime.datetime = NOW + 30 * DAY,
        algorithm: hashes.HashAlgorithm | None = None,
    ) -> x509.Certificate:
        """Make `name.crt` and `name.key`, for hosts or for the common name of a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common or hosts[0])
        builder = _builder(subject, self._name, key.public_key(), until)
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        # Python 3.13 asks for it
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        certificate = builder.sign(self._key, algorithm or hashes.SHA256())
        _write(self._home / f"{name}.crt", certificate.public_bytes(_PEM))
        _write_key(self._home / f"{name}.key", key)
        return certificate

    def revoke(self, name: str, *certificates: x509.Certificate) -> None:
        """Make `name.crl`."""
        builder = x509.CertificateRevocationListBuilder(self._name, NOW - DAY, NOW + 30 * DAY)
        for certificate in certificates:
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, NOW - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        _write(self._home / f"{name}.crl", made.public_bytes(_PEM))


def make(home: Path) -> None:
    """Make all files in `home`."""
    root = Authority(home, "root")
    server = root.sign("server", "localhost", "127.0.0.1")
    root.sign("elsewhere", "elsewhere.example")
    root.sign("expired", "localhost", until=NOW - DAY)
    root.sign("old", "localhost", "127.0.0.1", algorithm=hashes.SHA384())
    root.sign("client", common="gino_cert")
    root.sign("client_both", common="gino_both")
    root.sign("client_expired", common="gino_cert", until=NOW - DAY)
    root.revoke("root")
    root.revoke("revoked", server)
    other = Authority(home, "other_root")
    other.sign("client_unknown", common="gino_cert")
    other.sign("stranger", "localhost", "127.0.0.1")
    key = serialization.load_pem_private_key((home / "client.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    _write_key(home / "client_locked.key", key, b"sesame")
    _sign_itself(home)


def _sign_itself(home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("localhost")
    certificate = (
        _builder(name, name, key.public_key(), NOW + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_host("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(home / "self.crt", certificate.public_bytes(_PEM))
    _write_key(home / "self.key", key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, text: bytes, mode: int = 0o644) -> None:
    path.write_bytes(text)
    path.chmod(mode)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey, word: bytes = b"") -> None:
    lock = serialization.BestAvailableEncryption(word) if word else serialization.NoEncryption()
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, lock)
    _write(path, text, 0o600)


_PEM = serialization.Encoding.PEM
