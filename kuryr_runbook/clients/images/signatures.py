"""Signs images as cosign does, and verifies who signed one (cosign's specs/SIGNATURE_SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kuryr_runbook.clients.answers import mapping_of
from kuryr_runbook.clients.files import decoded, reading_key
from kuryr_runbook.model.documents import from_base64, parse_json
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.specs.attachments import (
    PAYLOAD_TYPE,
    SIGNATURE_ANNOTATION,
    Attachment,
    Descriptor,
    digest_of,
    payload,
    signature_layer,
    signature_manifest,
    signature_reference,
    signed_digest,
)
from kuryr_runbook.specs.image import Reference

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

MOST_SIGNATURES = 100
"""An image has a few; more are not looked at."""
PAYLOAD = "a signed payload"


class SignatureReader(Protocol):
    """A registry whose signatures are read."""

    def manifest(self, reference: Reference) -> bytes | None:
        """The very bytes of a manifest, or None when the registry has none of that name."""

    def blob(self, reference: Reference, digest: str) -> bytes | None:
        """A small blob of the repository, or None when it has none of that digest."""


def load_signing_key(path: Path) -> PrivateKeyTypes:
    """The key that signs. Raises UsageError when it cannot be used."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    remedy = (
        "name a private key without passphrase in PEM (PKCS 8), ECDSA, RSA or Ed25519: "
        "openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out FILE"
    )
    with reading_key(path, "image.signing_key:", remedy=remedy) as pem:
        key = load_pem_private_key(pem, None)
        _signed(key, b"")
    return key


def load_verify_key(path: Path) -> PublicKeyTypes:
    """The key that must have signed. Raises UsageError when it cannot be used."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    remedy = (
        "name the public key in PEM, ECDSA, RSA or Ed25519: "
        "openssl pkey -in PRIVATE -pubout -out FILE"
    )
    with reading_key(path, "image.verify_key:", remedy=remedy) as pem:
        key = load_pem_public_key(pem)
        _is_signature(key, b"", b"")
    return key


def signature(image: Reference, key: PrivateKeyTypes, registry: SignatureReader) -> Attachment:
    """What to put at `signature_reference` so that the image at its digest is signed by the key.

    The signatures that others made of it stay.
    """
    content = payload(image)
    ours = signature_layer(content, _signed(key, content))
    public: Any = key.public_key()
    others = [
        layer
        for layer, found in _signatures(image, registry)
        if not _is_signature(public, _sig(layer), found)
    ]
    return signature_manifest(content, [*others, ours])


def signature_objection(site: Site, image: Reference, registry: SignatureReader) -> str:
    """Why the site does not accept the image at its digest; empty: it does.

    Raises UsageError when the site's key cannot be used.
    """
    path = site.image.verify_key
    return objection(image, load_verify_key(path), registry) if path else ""


def objection(image: Reference, key: PublicKeyTypes, registry: SignatureReader) -> str:
    """Why the image at its digest does not count as signed by the key; empty: it does.

    Only the digest is compared, not the name: a mirror's copy is the same image.
    """
    found = list(_signatures(image, registry))
    if not found:
        return f"{image} is not signed: there is no {signature_reference(image)}"
    # Only what the key signed is taken apart.
    by_key = [content for layer, content in found if _is_signature(key, _sig(layer), content)]
    if not by_key:
        return f"{image}: {counted(len(found), 'signature')}, none by that key"
    digests = [signed_digest(parse_json(decoded(content, PAYLOAD), PAYLOAD)) for content in by_key]
    if image.version in digests:
        return ""
    return f"{image}: what that key signed is another image: {', '.join(digests)}"


def _signatures(image: Reference, registry: SignatureReader) -> Iterator[tuple[Descriptor, bytes]]:
    """The layers that hold signatures, each with its payload as the manifest names it."""
    reference = signature_reference(image)
    manifest = registry.manifest(reference)
    listed = mapping_of(str(reference), manifest).get("layers") if manifest is not None else None
    for layer in (listed if isinstance(listed, list) else ())[:MOST_SIGNATURES]:
        if isinstance(layer, dict) and layer.get("mediaType") == PAYLOAD_TYPE:
            digest = str(layer.get("digest"))
            content = registry.blob(reference, digest)
            if content is not None and digest_of(content) == digest:
                yield layer, content


def _sig(layer: Descriptor) -> bytes:
    annotations = layer.get("annotations")
    encoded = annotations.get(SIGNATURE_ANNOTATION) if isinstance(annotations, dict) else None
    return from_base64(encoded) or b""


def _signed(key: PrivateKeyTypes, content: bytes) -> bytes:
    """Cosign's algorithms: SHA-256, with RSA as in PKCS 1 v1.5."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(content, ec.ECDSA(SHA256()))
        case rsa.RSAPrivateKey():
            return key.sign(content, padding.PKCS1v15(), SHA256())
        case ed25519.Ed25519PrivateKey():
            return key.sign(content)
    raise ValueError(f"it is a {type(key).__name__}")


def _is_signature(key: PublicKeyTypes, sig: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(sig, content, ec.ECDSA(SHA256()))
            case rsa.RSAPublicKey():
                key.verify(sig, content, padding.PKCS1v15(), SHA256())
            case ed25519.Ed25519PublicKey():
                key.verify(sig, content)
            case _:
                raise ValueError(f"it is a {type(key).__name__}")
    except InvalidSignature:
        return False
    return True
