"""Puts small things beside an image in its registry (OCI distribution specification 1.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from kuryr_runbook.clients.answers import mapping_of
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.specs.attachments import (
    BILL_TYPE,
    INDEX_TYPE,
    MANIFEST_TYPE,
    Attachment,
    bill_manifest,
    digest_of,
    digest_tag,
    referrers_index,
)
from kuryr_runbook.specs.image import Reference

T = TypeVar("T")


class RegistryWriter(RegistryClient):
    """A registry to which attachments are pushed; images are pushed by the engine."""

    def put(self, reference: Reference, attachment: Attachment) -> requests.Response:
        """Put a manifest under a name, its content before it."""
        for blob in attachment.blobs:
            self._put_blob(reference, blob)
        return self._put_manifest(reference, attachment.manifest, MANIFEST_TYPE)

    def attach_bill(self, image: Reference, bill: bytes) -> str:
        """Attach a bill of materials to an image at a digest; returns the digest of what refers.

        A registry without the API of referrers gets the index of the specification's fallback.
        """
        content = self._expected(self.manifest(image), image, "its manifest")
        kind = mapping_of(str(image), content).get("mediaType", MANIFEST_TYPE)
        subject = {"mediaType": kind, "digest": image.version, "size": len(content)}
        attachment = bill_manifest(bill, subject)
        digest = digest_of(attachment.manifest)
        answer = self.put(image.at(digest), attachment)
        if "OCI-Subject" not in answer.headers:
            fallback = replace(image, version=digest_tag(image))
            there = self.manifest(fallback)
            index = None if there is None else mapping_of(str(fallback), there)
            made = referrers_index(index, attachment.manifest, BILL_TYPE)
            self._put_manifest(fallback, made, INDEX_TYPE)
        return digest

    def _put_manifest(self, reference: Reference, body: bytes, kind: str) -> requests.Response:
        path = f"manifests/{reference.version}"
        answer = self._request("PUT", reference, path, body=body, media_type=kind)
        return self._expected(answer, reference, "a place for manifests")

    def _put_blob(self, reference: Reference, content: bytes) -> None:
        digest = digest_of(content)
        if self._request("HEAD", reference, f"blobs/{digest}") is not None:
            return
        begun = self._expected(
            self._request("POST", reference, "blobs/uploads/"), reference, "a place for uploads"
        )
        place = urljoin(begun.url, begun.headers.get("Location", ""))
        if urlsplit(place)[:2] != urlsplit(begun.url)[:2]:
            # The login is for the registry alone.
            raise UnreachableError(
                f"registry {reference.registry}: it wants uploads at another server",
                remedy="use a registry that takes uploads itself",
            )
        sent = self._request("PUT", reference, place, query={"digest": digest}, body=content)
        self._expected(sent, reference, "the upload that was begun")

    def _expected(self, answer: T | None, reference: Reference, what: str) -> T:
        if answer is None:
            raise UnreachableError(
                f"registry {reference.registry}: {reference}: it does not have {what}",
                remedy="see the registry's log, then run the phase again",
            )
        return answer
