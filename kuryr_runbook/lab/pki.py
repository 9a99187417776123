"""The lab's private certificate authority: one CA for the cloud, the registry and the cluster.

Files are written under temporary names and renamed, keys with mode 0600, so that an interrupted
`up` leaves either the old pair or the new one. The extensions are those that strict verifiers
require (RFC 5280: SKI, AKI, key usage; Python 3.13 and Go refuse certificates without them).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kuryr_runbook.model.errors import LabError

CA_NAME = "kuryr-runbook lab CA"
CA_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
"""A certificate that expires sooner than this is issued again."""
CLOCK_SKEW = timedelta(hours=1)
"""How far a verifier's clock may be behind."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, both PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Ca:
    """A certificate authority in `directory`, which also has the certificates it issued."""

    directory: Path
    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey

    @property
    def cert(self) -> Path:
        """The CA's own certificate, which clients trust."""
        return self.directory / "ca.pem"

    def issue(
        self,
        name: str,
        *,
        common_name: str,
        organization: str | None = None,
        addresses: Collection[IPv4Address | str] = (),
        dns_names: Collection[str] = (),
    ) -> Issued:
        """Return `<name>.pem` and `<name>.key`, for servers and clients alike.

        Existing files are kept if their content is the same, they were signed by this CA, and do
        not expire within RENEW_BEFORE. A client's `organization` is its group in Kubernetes.
        """
        issued = Issued(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        subject = _subject(common_name, organization)
        names = _alternative_names(addresses, dns_names)
        if not self._still_good(issued, subject, names):
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = self._sign(subject, names, key.public_key())
            write_private(issued.key, _key_pem(key))
            _replace(issued.cert, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return issued

    def encrypted_key(self, passphrase: str) -> bytes:
        """The CA's key as encrypted PEM, the only form that Octavia accepts."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )

    def _still_good(
        self, issued: Issued, subject: x509.Name, names: x509.SubjectAlternativeName | None
    ) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(issued.cert.read_bytes())
            key = serialization.load_pem_private_key(issued.key.read_bytes(), password=None)
            certificate.verify_directly_issued_by(self.certificate)
        except (OSError, ValueError, TypeError, InvalidSignature):
            return False
        return (
            certificate.subject == subject
            and _names_of(certificate) == names
            and certificate.public_key() == key.public_key()
            and certificate.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)
        )

    def _sign(
        self,
        subject: x509.Name,
        names: x509.SubjectAlternativeName | None,
        public_key: ec.EllipticCurvePublicKey,
    ) -> x509.Certificate:
        authority = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        builder = (
            _builder(subject, self.certificate.subject, public_key, LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority.value),
                critical=False,
            )
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.private_key, hashes.SHA256())


def ensure_ca(directory: Path) -> Ca:
    """Load the CA in `directory` (ca.pem, ca.key), or create one.

    Raises LabError when these files are not a certificate with its key.
    """
    directory.mkdir(parents=True, exist_ok=True)
    cert, key = directory / "ca.pem", directory / "ca.key"
    if not cert.exists():
        _make_ca(cert, key)
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        private_key = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _broken(directory, str(error)) from error
    if not isinstance(private_key, ec.EllipticCurvePrivateKey):
        raise _broken(directory, f"ca.key is not an EC key but {type(private_key).__name__}")
    if private_key.public_key() != certificate.public_key():
        raise _broken(directory, "ca.key is not the key of ca.pem")
    return Ca(directory, certificate, private_key)


def ensure_rsa_pair(directory: Path, name: str) -> tuple[Path, Path]:
    """Return `<name>.key` and `<name>.pub`, an RSA pair for signing service-account tokens."""
    private, public = directory / f"{name}.key", directory / f"{name}.pub"
    if not (private.exists() and public.exists()):
        directory.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(private, _key_pem(key))
        _replace(
            public,
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
            0o644,
        )
    return private, public


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, completely or not at all."""
    _replace(path, content, 0o600)


def _make_ca(cert: Path, key: Path) -> None:
    private_key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(CA_NAME, None)
    certificate = (
        _builder(subject, subject, private_key.public_key(), CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .sign(private_key, hashes.SHA256())
    )
    # The certificate comes last: it marks the CA as complete.
    write_private(key, _key_pem(private_key))
    _replace(cert, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(common_name: str, organization: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _alternative_names(
    addresses: Collection[IPv4Address | str], dns_names: Collection[str]
) -> x509.SubjectAlternativeName | None:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(dns_names)]
    names += [x509.IPAddress(a) for a in sorted({ip_address(str(a)) for a in addresses}, key=int)]
    return x509.SubjectAlternativeName(names) if names else None


def _names_of(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    return found.value


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _replace(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
    temporary.replace(path)


def _broken(directory: Path, seen: str) -> LabError:
    return LabError(
        f"{directory}: expected ca.pem and its key ca.key, found: {seen}",
        remedy="remove the lab (`kuryr-runbook lab destroy`) and bring it up again",
    )
