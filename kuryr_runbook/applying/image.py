"""Build, test and push the image, and keep copies of some of its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from kuryr_runbook.applying.steps import Executor, Known, Say
from kuryr_runbook.clients.artifacts import ArtifactStore
from kuryr_runbook.clients.images.attaching import RegistryWriter
from kuryr_runbook.clients.images.engines import Engine
from kuryr_runbook.clients.images.kuryr import (
    image_sources,
    push_image,
    read_image_spec,
    read_plugin,
    read_remote_image,
    smoke_test,
    write_plugin,
)
from kuryr_runbook.clients.images.signatures import load_signing_key, signature
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.bodies import Body
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Step
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.attachments import signature_reference
from kuryr_runbook.specs.daemon import PLUGIN
from kuryr_runbook.specs.image import ImageSpec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ARTIFACT = "CNI plugin"
"""Kind of the step that uploads it."""
SIGNATURE = "signature"
"""Kind of the step that signs the image."""
BILL = "sbom.cdx.json"


@dataclass(frozen=True, slots=True)
class Made:
    """Facts about an image that are only known where it was built."""

    plugin_sha256: str
    bill: Mapping[str, Any]
    """Its bill of materials, in CycloneDX."""


def plugin_path(spec: ImageSpec) -> str:
    """Its path in the store, where content never changes under a name."""
    return f"{spec.reference.version}/{spec.inputs[:16]}/{PLUGIN}"


class ImageExecutor(Executor):
    """Does the steps of phase 01."""

    made: Made | None = None
    """Facts about the image that was built; None: none was."""

    def __init__(
        self, site: Site, registry: RegistryWriter, store: ArtifactStore | None, engine: Engine
    ) -> None:
        """`store`: where the CNI plugin is also stored; None: nowhere."""
        self._site = site
        self._registry = registry
        self._store = store
        self._engine = engine

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Build, test every program in the image, and push; or upload the plugin, or sign."""
        spec = read_image_spec(self._site, self._registry)
        key = self._site.image.signing_key
        if key and step.target.kind == SIGNATURE:
            return self._sign(spec, load_signing_key(key), say)
        with self._engine.at_work():
            if self._store and step.target.kind == ARTIFACT:
                return self._upload_plugin(spec, self._store, say)
            return self._build_and_push(spec, say)

    def _build_and_push(self, spec: ImageSpec, say: Say) -> Known:
        engine = self._engine
        say(f"building with {engine.name}; the whole output goes to {engine.log}")
        image = engine.build(spec)
        for test in spec.smoke_tests:
            say(f"smoke test: {test.name}")
            smoke_test(engine, image, test)
        self.made = made = self._described(spec, image, say)
        say(f"pushing {spec.reference}")
        pushed = push_image(engine, spec, self._registry).digest
        bill = json.dumps(made.bill).encode()
        digest = self._registry.attach_bill(spec.reference.at(pushed), bill)
        say(f"attached the bill of materials, {digest}")
        say(f"CNI plugin: sha256 {made.plugin_sha256}")
        return {"id": pushed}

    def _sign(self, spec: ImageSpec, key: PrivateKeyTypes, say: Say) -> Known:
        """What was pushed, by the digest that the registry has now, if it was made as wanted."""
        remote = read_remote_image(spec, self._registry)
        if remote is None or not spec.is_made_as(remote.labels):
            raise DriftError(
                f"{spec.reference}: the registry has another image than the one to be signed",
                remedy="see who else pushes to that name, then run the phase again",
            )
        image = spec.reference.at(remote.digest)
        say(f"signing {image}")
        self._registry.put(signature_reference(image), signature(image, key, self._registry))
        return {"id": str(signature_reference(image))}

    def _described(self, spec: ImageSpec, image: str, say: Say) -> Made:
        """Keep plugin and bill of materials on this machine; return what goes into the record."""
        from kuryr_runbook.clients.images.sbom import INVENTORY, bill_of_materials, read_inventory

        folder = user_cache_path("kuryr-runbook") / "cni" / spec.reference.version
        plugin = read_plugin(self._engine, image)
        write_plugin(plugin, folder / PLUGIN)
        inventory = read_inventory(self._engine, image, image_sources()[INVENTORY])
        bill = bill_of_materials(spec, inventory, plugin.content)
        write_file(folder / BILL, bill)
        say(f"copies of the CNI plugin and of the bill of materials ({BILL}) are in {folder}")
        return Made(plugin.sha256, json.loads(bill))

    def _upload_plugin(self, spec: ImageSpec, store: ArtifactStore, say: Say) -> Known:
        """If the image was not rebuilt, this builds its layers again."""
        plugin = read_plugin(self._engine, self._engine.build(spec))
        path = plugin_path(spec)
        say(f"uploading {store.address(path)}, sha256 {plugin.sha256}")
        store.put(path, plugin.content)
        # Last: if it is there, the plugin is complete.
        store.put(f"{path}.sha256", f"{plugin.sha256}  {PLUGIN}\n".encode())
        return {"id": plugin.sha256}
