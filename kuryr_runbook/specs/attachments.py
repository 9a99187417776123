"""What is put beside an image in its registry: its signature, and its bill of materials.

The signature is in the form of cosign (specs/SIGNATURE_SPEC.md in sigstore/cosign): an image under
a tag made of the digest, whose layers are signed payloads. The bill is a referrer (OCI image
specification 1.1, `subject`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.image import Reference

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
SIGNED = "cosign container image signature"
BILL_TYPE = "application/vnd.cyclonedx+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
NEVER = "0001-01-01T00:00:00Z"
"""Cosign's time of making: the same signature has the same digest."""

Descriptor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A manifest, and the content that it names."""

    manifest: bytes
    blobs: tuple[bytes, ...]


def digest_of(content: bytes) -> str:
    """As registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def unsigned_remedy(site: Site) -> str:
    """What to do about an image that is not accepted."""
    if site.image.signing_key:
        return "run phase image_build, which signs it by image.signing_key; verify_key must fit it"
    return "have it signed by the owner of the key (`cosign sign --key`), or set image.signing_key"


def descriptor(media_type: str, content: bytes, **more: Any) -> Descriptor:
    """How a manifest names content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def digest_tag(image: Reference) -> str:
    """The tag of an image's referrers where a registry has no API of them."""
    return image.version.replace(":", "-")


def signature_reference(image: Reference) -> Reference:
    """Where the signatures of an image at a digest are."""
    return Reference(
        registry=image.registry, repository=image.repository, version=f"{digest_tag(image)}.sig"
    )


def payload(image: Reference) -> bytes:
    """What is signed: the digest, and the name that it was signed under."""
    critical = {
        "identity": {"docker-reference": f"{image.registry}/{image.repository}"},
        "image": {"docker-manifest-digest": image.version},
        "type": SIGNED,
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def signed_digest(content: Any) -> str:
    """The digest that a payload is about; empty: it is none of this form."""
    critical = content.get("critical") if isinstance(content, dict) else None
    if not isinstance(critical, dict) or critical.get("type") != SIGNED:
        return ""
    image = critical.get("image")
    return str(image.get("docker-manifest-digest", "")) if isinstance(image, dict) else ""


def signature_layer(content: bytes, signature: bytes) -> Descriptor:
    """A payload with its signature."""
    encoded = base64.b64encode(signature).decode()
    return descriptor(PAYLOAD_TYPE, content, annotations={SIGNATURE_ANNOTATION: encoded})


def signature_manifest(content: bytes, layers: Iterable[Descriptor]) -> Attachment:
    """The image of signatures; `layers` are ours over `content`, and those of others."""
    listed = list(layers)
    config = {
        "architecture": "",
        "created": NEVER,
        "history": [{"created": NEVER} for _ in listed],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in listed]},
        "config": {},
    }
    encoded = json.dumps(config, separators=(",", ":")).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, encoded),
        "layers": listed,
    }
    return Attachment(json.dumps(manifest).encode(), (encoded, content))


def bill_manifest(bill: bytes, subject: Descriptor) -> Attachment:
    """A bill of materials that refers to the image of the descriptor."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": BILL_TYPE,
        "config": descriptor(EMPTY_TYPE, EMPTY),
        "layers": [descriptor(BILL_TYPE, bill)],
        "subject": subject,
    }
    return Attachment(json.dumps(manifest).encode(), (EMPTY, bill))


def referrers_index(index: Mapping[str, Any] | None, manifest: bytes, kind: str) -> bytes:
    """The index under an image's digest tag, with one more referrer in place of others of its kind.

    `index`: the one that is there; None: none is.
    """
    kept = [
        item
        for item in (index or {}).get("manifests", ())
        if isinstance(item, dict) and item.get("artifactType") != kind
    ]
    listed = [*kept, descriptor(MANIFEST_TYPE, manifest, artifactType=kind)]
    made = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed}
    return json.dumps(made).encode()
