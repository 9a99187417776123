"""The bill of materials: what was seen in the image, as CycloneDX."""

from __future__ import annotations

import hashlib
import json

from kuryr_runbook.clients.images.kuryr import image_sources
from kuryr_runbook.clients.images.sbom import bill_of_materials
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.specs.image import image_spec

SITE = """
name: test
openstack: {}
kubernetes: {}
network: {}
kuryr: {}
image: {repository: registry.example.org/kuryr/kuryr}
"""
SPEC = image_spec(parse_site(SITE, "test.yaml"), image_sources(), "sha256:" + "1" * 64)
INVENTORY = {
    "python": [["oslo.config", "9.4.0", "Apache-2.0"], ["kuryr_lib", "3.0.0", ""]],
    "debian": [["libc6", "2.36-9+deb12u10", "amd64"]],
}


def test_everything_is_named_with_version_and_package_url() -> None:
    bill = json.loads(bill_of_materials(SPEC, INVENTORY, b"plugin"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "registry.example.org/kuryr/kuryr:stein"
    assert bill["metadata"]["component"]["version"] == "1.0.1"
    urls = {item.get("purl"): item for item in bill["components"]}
    assert urls["pkg:pypi/oslo.config@9.4.0"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    assert urls["pkg:pypi/kuryr-lib@3.0.0"]["version"] == "3.0.0"
    assert urls["pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"]["name"] == "libc6"
    [digest] = urls[None]["hashes"]
    assert digest == {"alg": "SHA-256", "content": hashlib.sha256(b"plugin").hexdigest()}


def test_but_for_its_time_it_is_the_same_for_the_same_image() -> None:
    first, second = (json.loads(bill_of_materials(SPEC, INVENTORY, b"plugin")) for _ in range(2))
    for bill in (first, second):
        del bill["metadata"]["timestamp"]
    assert first == second
