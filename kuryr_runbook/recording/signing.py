"""Keys that sign records, and the envelope (DSSE) around the signed statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuryr_runbook.clients.files import decoded, reading_key
from kuryr_runbook.clients.writing import make_directory, write_new
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, RecordError
from kuryr_runbook.model.site import Site
from kuryr_runbook.recording.chain import state_directory

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

SIGNATURE = ("keyid", "sig")
"""The fields of a signature; a record has exactly one."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def key_path(site: Site | None) -> Path:
    """Path of the private key: the site's, or else this user's own on this machine."""
    if site is not None and site.record.signing_key is not None:
        return site.record.signing_key
    return state_directory() / "signing-key.pem"


def public_path(private: Path) -> Path:
    """Path of the public key that belongs to a private one."""
    return private.with_suffix(".pub")


def load_signer(site: Site) -> CryptoSigner:
    """The key that signs the site's records; this user's own key is created if missing.

    Raises UsageError when it cannot be used.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    path = key_path(site)
    if site.record.signing_key is None and not path.exists():
        _make_key(path)
    remedy = (
        "name a private key (Ed25519, ECDSA or RSA) in PEM (PKCS 8) without a passphrase: "
        "openssl genpkey -algorithm ed25519 -out FILE"
    )
    with reading_key(path, "record.signing_key:", remedy=remedy) as pem:
        private: Any = load_pem_private_key(pem, None)
        signer = CryptoSigner(private)
        if not public_path(path).exists():
            write_new(public_path(path), _public_pem(private), mode=0o644)
    return signer


def _make_key(path: Path) -> None:
    """Create this user's own key, unless another run does so at the same time."""
    from securesystemslib.signer import CryptoSigner

    make_directory(path.parent)
    try:
        write_new(path, CryptoSigner.generate_ed25519().private_bytes)
    except FileError:
        if not path.exists():
            raise


def _public_pem(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def load_public_keys(paths: Sequence[Path]) -> list[SSlibKey]:
    """Keys to verify with. Raises UsageError when one cannot be used."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    keys = []
    remedy = "name the PEM file beside the private key that ends with .pub"
    for path in paths:
        with reading_key(path, "public key", remedy=remedy) as pem:
            public: Any = load_pem_public_key(pem)
            keys.append(SSlibKey.from_crypto(public))
    return keys


def sealed(statement: dict[str, Any], signer: CryptoSigner) -> bytes:
    """The statement in an envelope, signed."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(json.dumps(statement).encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return _written(envelope)


def _written(envelope: Any) -> bytes:
    return f"{json.dumps(envelope.to_dict(), indent=2)}\n".encode()


def opened(content: bytes, source: str) -> tuple[Any, dict[str, Any]]:
    """The envelope and its statement, whoever signed it.

    Raises RecordError, also when the file is not exactly what the runbook would write: it would
    then contain more than what is signed.
    """
    from securesystemslib.dsse import Envelope

    try:
        envelope = Envelope.from_dict(parse_json(decoded(content, source), source))
        statement = parse_json(decoded(envelope.payload, source), source)
        fits = envelope.payload_type == PAYLOAD_TYPE and isinstance(statement["predicate"], dict)
        signatures = [signature.to_dict() for signature in envelope.signatures.values()]
        is_ours = _written(envelope) == content and [*map(len, signatures)] == [len(SIGNATURE)]
    except Exception as error:  # Whatever a broken file makes a parser raise.
        raise RecordError(f"{source} is not a record: {type(error).__name__}: {error}") from error
    if not fits:
        raise RecordError(f"{source} is a different kind of record")
    if not is_ours:
        raise RecordError(f"{source} was changed: it is not in the form that the runbook writes")
    return envelope, statement


def is_signed(envelope: Any, keys: Sequence[SSlibKey]) -> bool:
    """Whether one of the keys signed it."""
    from securesystemslib.exceptions import VerificationError

    try:
        envelope.verify(list(keys), 1)
    except (VerificationError, ValueError):
        return False
    return True
