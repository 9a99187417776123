"""The bill of materials of an image, in CycloneDX: what was found installed in it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from kuryr_runbook.clients.files import read_json
from kuryr_runbook.clients.images.engines import Engine
from kuryr_runbook.clients.writing import make_directory
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.specs.image import ImageSpec

INVENTORY = "smoke/inventory.py"


def read_inventory(engine: Engine, image: str, script: bytes) -> dict[str, Any]:
    """What is installed in an image of this machine."""
    with tempfile.TemporaryDirectory(prefix="kuryr-sbom-") as private:
        out = Path(private) / "out"
        make_directory(out)
        # Root in the container may be any user outside, and has no capabilities.
        out.chmod(0o777)
        result = engine.run_in_image(image, "python", "-", stdin=script.decode(), out=out)
        if result.status == 0:
            return mapping(read_json(out / "inventory.json", "the inventory"), "the inventory")
    raise ApplyError(
        f"listing what is installed in {image}: status {result.status}; its last output:\n"
        f"{result.tail}",
        remedy=f"the whole output is in {engine.log}",
    )


def bill_of_materials(spec: ImageSpec, inventory: Mapping[str, Any], plugin: bytes) -> str:
    """The bill as JSON; apart from its time, always the same for the same image."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"kuryr-runbook:{spec.inputs}"))
    version = spec.labels["org.opencontainers.image.version"]
    bom.metadata.component = Component(
        type=ComponentType.CONTAINER,
        name=str(spec.reference),
        version=version,
        bom_ref="image",
    )
    bom.components.update(_components(inventory))
    bom.components.add(
        Component(
            type=ComponentType.APPLICATION,
            name="kuryr-cni",
            bom_ref="kuryr-cni",
            hashes=[
                HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(plugin).hexdigest())
            ],
        )
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _components(inventory: Mapping[str, Any]) -> Iterator[Component]:
    for name, version, licence in inventory["python"]:
        url = PackageURL("pypi", None, name.lower().replace("_", "-"), version)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=url,
            bom_ref=url.to_string(),
            licenses=[DisjunctiveLicense(name=licence)] if licence else [],
        )
    for name, version, architecture in inventory["debian"]:
        url = PackageURL("deb", "debian", name, version, {"arch": architecture})
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=url,
            bom_ref=url.to_string(),
        )
