"""Signing images as cosign does, and every way in which a signature does not hold."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from kuryr_runbook.clients.images.signatures import (
    load_signing_key,
    load_verify_key,
    objection,
    signature,
)
from kuryr_runbook.model.errors import FileError, UnreachableError, UsageError
from kuryr_runbook.specs.attachments import (
    SIGNATURE_ANNOTATION,
    Attachment,
    digest_of,
    payload,
    signature_layer,
    signature_manifest,
    signature_reference,
)
from kuryr_runbook.specs.image import Reference

REPOSITORY = "registry.example.org/kuryr/kuryr"
IMAGE = Reference.parse(f"{REPOSITORY}@sha256:" + "a" * 64)
OTHER_IMAGE = IMAGE.at("sha256:" + "b" * 64)
SIGNATURES = f"{REPOSITORY}:sha256-{'a' * 64}.sig"
KEY = ec.generate_private_key(ec.SECP256R1())
SOMEBODY = ec.generate_private_key(ec.SECP256R1())


class Shelf:
    """A registry's manifests by name, and blobs by digest."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}

    def put(self, reference: Reference, attachment: Attachment) -> None:
        self.manifests[str(reference)] = attachment.manifest
        self.blobs |= {digest_of(blob): blob for blob in attachment.blobs}

    def manifest(self, reference: Reference) -> bytes | None:
        return self.manifests.get(str(reference))

    def blob(self, reference: Reference, digest: str) -> bytes | None:
        return self.blobs.get(digest)

    def sign(self, key: Any, image: Reference = IMAGE) -> None:
        self.put(signature_reference(image), signature(image, key, self))

    @property
    def layers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.manifests[SIGNATURES])["layers"]
        return found

    def change(self, **layer: Any) -> None:
        manifest = json.loads(self.manifests[SIGNATURES])
        manifest["layers"][0] |= layer
        self.manifests[SIGNATURES] = json.dumps(manifest).encode()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.mark.parametrize(
    "key",
    [KEY, ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)],
    ids=["ECDSA", "Ed25519", "RSA"],
)
def test_what_a_key_signed_is_accepted_with_that_key_alone(shelf: Shelf, key: Any) -> None:
    shelf.sign(key)
    assert objection(IMAGE, key.public_key(), shelf) == ""
    assert "1 signature, none by that key" in objection(IMAGE, SOMEBODY.public_key(), shelf)


def test_the_form_is_cosigns(shelf: Shelf) -> None:
    shelf.sign(KEY)
    [layer] = shelf.layers
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    content = json.loads(shelf.blobs[layer["digest"]])
    assert content == {
        "critical": {
            "identity": {"docker-reference": REPOSITORY},
            "image": {"docker-manifest-digest": IMAGE.version},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    config = json.loads(shelf.blobs[json.loads(shelf.manifests[SIGNATURES])["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]


def test_openssl_verifies_the_signature(shelf: Shelf, tmp_path: Path) -> None:
    """As cosign's specification says: ECDSA over SHA-256 of the payload's bytes."""
    subprocess.run(
        ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"),
        cwd=tmp_path,
        check=True,
    )
    public = ("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "key.pub")
    subprocess.run(public, cwd=tmp_path, check=True)
    shelf.sign(load_signing_key(tmp_path / "key.pem"))
    [layer] = shelf.layers
    (tmp_path / "payload").write_bytes(shelf.blobs[layer["digest"]])
    encoded = layer["annotations"][SIGNATURE_ANNOTATION]
    (tmp_path / "signature").write_bytes(base64.b64decode(encoded))
    verify = ("openssl", "dgst", "-sha256", "-verify", "key.pub", "-signature", "signature")
    subprocess.run((*verify, "payload"), cwd=tmp_path, check=True)
    assert objection(IMAGE, load_verify_key(tmp_path / "key.pub"), shelf) == ""


def test_an_image_without_a_signature_is_named(shelf: Shelf) -> None:
    assert "is not signed" in objection(IMAGE, KEY.public_key(), shelf)
    shelf.sign(KEY, OTHER_IMAGE)
    assert SIGNATURES in objection(IMAGE, KEY.public_key(), shelf)


def changed_signature(shelf: Shelf) -> None:
    raw = bytearray(base64.b64decode(shelf.layers[0]["annotations"][SIGNATURE_ANNOTATION]))
    raw[-1] ^= 1
    shelf.change(annotations={SIGNATURE_ANNOTATION: base64.b64encode(raw).decode()})


def no_base64(shelf: Shelf) -> None:
    shelf.change(annotations={SIGNATURE_ANNOTATION: "not base64!"})


def no_annotation(shelf: Shelf) -> None:
    shelf.change(annotations=None)


def changed_payload(shelf: Shelf) -> None:
    """For another image, under its own digest."""
    content = payload(OTHER_IMAGE)
    shelf.blobs[digest_of(content)] = content
    shelf.change(digest=digest_of(content))


def changed_blob(shelf: Shelf) -> None:
    """Other content under the digest that the manifest names."""
    shelf.blobs[shelf.layers[0]["digest"]] = payload(OTHER_IMAGE)


def lost_blob(shelf: Shelf) -> None:
    shelf.blobs.clear()


def other_media_type(shelf: Shelf) -> None:
    shelf.change(mediaType="text/plain")


def signature_of_another_image(shelf: Shelf) -> None:
    """A genuine one, by the right key."""
    shelf.sign(KEY, OTHER_IMAGE)
    shelf.manifests[SIGNATURES] = shelf.manifests[str(signature_reference(OTHER_IMAGE))]


def signature_by_somebody(shelf: Shelf) -> None:
    shelf.manifests.clear()
    shelf.sign(SOMEBODY)


def layers_of_a_wrong_type(shelf: Shelf) -> None:
    shelf.manifests[SIGNATURES] = b'{"layers": {"a": [null, 3]}}'


TAMPERING = (
    changed_signature,
    no_base64,
    no_annotation,
    changed_payload,
    changed_blob,
    lost_blob,
    other_media_type,
    signature_of_another_image,
    signature_by_somebody,
    layers_of_a_wrong_type,
)


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_tampering_is_seen_and_signing_again_repairs_it(
    shelf: Shelf, tamper: Callable[[Shelf], None]
) -> None:
    shelf.sign(KEY)
    tamper(shelf)
    assert objection(IMAGE, KEY.public_key(), shelf)
    shelf.sign(KEY)
    assert objection(IMAGE, KEY.public_key(), shelf) == ""


def test_a_manifest_that_is_no_json_is_the_registrys_fault(shelf: Shelf) -> None:
    shelf.manifests[SIGNATURES] = b"<html>"
    with pytest.raises(UnreachableError, match="not JSON"):
        objection(IMAGE, KEY.public_key(), shelf)


def test_a_signed_payload_that_is_not_text_is_reported(shelf: Shelf) -> None:
    content = b"{\xff"
    layer = signature_layer(content, KEY.sign(content, ec.ECDSA(SHA256())))
    shelf.put(signature_reference(IMAGE), signature_manifest(content, [layer]))
    with pytest.raises(FileError, match="a signed payload: line 1: the byte 0xff is not UTF-8"):
        objection(IMAGE, KEY.public_key(), shelf)


def test_the_signatures_of_others_stay(shelf: Shelf) -> None:
    shelf.sign(SOMEBODY)
    shelf.sign(KEY)
    assert objection(IMAGE, SOMEBODY.public_key(), shelf) == ""
    assert objection(IMAGE, KEY.public_key(), shelf) == ""
    shelf.sign(KEY)
    assert len(shelf.layers) == 2


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAA==\n", b"\x00"])
def test_what_is_no_key_is_refused_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    for load, named in ((load_signing_key, "signing_key"), (load_verify_key, "verify_key")):
        with pytest.raises(UsageError, match=rf"image\.{named}: .*key\.pem") as refused:
            load(path)
        assert "openssl" in str(refused.value.remedy)
