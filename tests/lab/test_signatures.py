"""Signature and bill of materials beside an image, in the lab's own registry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kuryr_runbook.clients.images.attaching import RegistryWriter
from kuryr_runbook.clients.images.kuryr import read_image_spec
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.lab import registry as lab_registry
from kuryr_runbook.lab import settings as lab
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import CheckError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.phases.earlier.image import deployed_image
from kuryr_runbook.phases.image_build import ImageBuild
from kuryr_runbook.snapshots.preflight import read_preflight
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.attachments import (
    CONFIG_TYPE,
    MANIFEST_TYPE,
    Attachment,
    descriptor,
    digest_of,
    signature_reference,
)
from kuryr_runbook.specs.image import Reference

pytestmark = pytest.mark.lab

MakeSite = Callable[..., Site]


def make_key(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


@pytest.fixture
def make_site(settings: LabSettings, tmp_path: Path) -> MakeSite:
    """A site with a repository of its own in the registry, and these keys of `image`."""
    repository = f"{lab.REGISTRY}/tests/signed-{uuid.uuid4().hex[:8]}"

    def made(**image: Path) -> Site:
        keys = "".join(f", {name}: {str(path)!r}" for name, path in image.items())
        return parse_site(
            f"""
            name: test
            openstack: {{}}
            kubernetes: {{}}
            network: {{}}
            kuryr: {{}}
            image: {{repository: "{repository}", registry_ca: "{settings.ca}",
                base_image: "{lab.REGISTRY}/lab/debian:bookworm",
                registry_auth: "{settings.registry_auth}"{keys}}}
            """,
            "test.yaml",
        )

    return made


@pytest.fixture
def registry(settings: LabSettings) -> RegistryWriter:
    return RegistryWriter(settings.registry_auth, settings.ca)


def push(site: Site, registry: RegistryWriter, salt: str = "") -> Reference:
    """An image without layers that says that it was made of the wanted inputs."""
    spec = read_image_spec(site, registry)
    labels = dict(spec.labels)
    config = json.dumps({"config": {"Labels": labels}, "salt": salt}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, config),
        "layers": [],
    }
    content = json.dumps(manifest).encode()
    registry.put(spec.reference, Attachment(content, (config,)))
    return spec.reference.at(digest_of(content))


def sign(site: Site) -> list[Action]:
    phase = ImageBuild(site)
    plan = phase.make_plan()
    phase.carry_out(plan)
    return [step.action for step in plan.steps]


def objection(site: Site, registry: RegistryClient) -> str | Unreadable:
    nothing = Unreadable("not looked at")
    return read_preflight(site, nothing, nothing, registry).objection


def test_phase_01_signs_what_the_registry_has_once(
    make_site: MakeSite, registry: RegistryWriter, tmp_path: Path
) -> None:
    key = make_key(tmp_path, "ours")
    site = make_site(signing_key=key, verify_key=key.with_suffix(".pub"))
    image = push(site, registry)
    with pytest.raises(
        CheckError, match=r"is not signed: there is no .*[.]sig; nothing was changed"
    ):
        deployed_image(site)
    assert deployed_image(site, ahead=True) == str(image)
    assert sign(site) == [Action.KEEP, Action.CREATE]
    assert sign(site) == [Action.KEEP, Action.KEEP]
    assert deployed_image(site) == str(image)
    assert objection(site, registry) == ""
    assert [finding.status for finding in ImageBuild(site).findings()] == [Status.PASS, Status.PASS]


def test_a_site_that_names_no_key_takes_an_image_without_a_signature(
    make_site: MakeSite, registry: RegistryWriter
) -> None:
    image = push(make_site(), registry)
    assert deployed_image(make_site()) == str(image)
    assert objection(make_site(), registry) == ""


def test_the_key_of_somebody_else_is_refused(
    make_site: MakeSite, registry: RegistryWriter, tmp_path: Path
) -> None:
    ours, somebody = make_key(tmp_path, "ours"), make_key(tmp_path, "somebody")
    site = make_site(verify_key=ours.with_suffix(".pub"))
    push(site, registry)
    sign(make_site(signing_key=somebody))
    with pytest.raises(CheckError, match="1 signature, none by that key") as refused:
        deployed_image(site, ahead=True)
    assert "cosign sign" in str(refused.value.remedy)
    assert "1 signature, none by" in str(objection(site, registry))
    sign(make_site(signing_key=ours))
    assert objection(site, registry) == ""


def test_an_image_that_replaced_the_signed_one_is_refused_also_with_its_signature(
    make_site: MakeSite, registry: RegistryWriter, tmp_path: Path
) -> None:
    key = make_key(tmp_path, "ours")
    site = make_site(verify_key=key.with_suffix(".pub"))
    signed = push(site, registry)
    sign(make_site(signing_key=key))
    changed = push(site, registry, salt="changed")
    assert changed != signed
    with pytest.raises(CheckError, match="is not signed"):
        deployed_image(site)
    genuine = registry.manifest(signature_reference(signed))
    assert genuine is not None
    registry.put(signature_reference(changed), Attachment(genuine, ()))
    with pytest.raises(CheckError, match="what that key signed is another image"):
        deployed_image(site)


def test_the_bill_of_materials_refers_to_its_image(
    make_site: MakeSite, registry: RegistryWriter, settings: LabSettings
) -> None:
    image = push(make_site(), registry)
    first = registry.attach_bill(image, b'{"bomFormat": "CycloneDX", "serialNumber": 1}')
    bill = b'{"bomFormat": "CycloneDX"}'
    attached = registry.attach_bill(image, bill)
    assert attached != first
    manifest = json.loads(registry.manifest(image.at(attached)) or b"")
    assert manifest["subject"]["digest"] == image.version
    assert registry.blob(image, manifest["layers"][0]["digest"]) == bill
    assert [item["digest"] for item in referrers(image, settings)] == [attached]
    assert {item["artifactType"] for item in referrers(image, settings)} == {
        "application/vnd.cyclonedx+json"
    }


def referrers(image: Reference, settings: LabSettings) -> list[dict[str, str]]:
    """By the registry's API of referrers, else by the fallback's tag, as clients do it."""
    login = lab_registry.read_login(settings)
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (login.user, login.password)
        session.verify = str(settings.ca)
        url = f"https://{image.registry}/v2/{image.repository}"
        answer = session.get(f"{url}/referrers/{image.version}", timeout=10)
        if answer.status_code == 404:
            tag = image.version.replace(":", "-")
            accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
            answer = session.get(f"{url}/manifests/{tag}", headers=accept, timeout=10)
        found: list[dict[str, str]] = answer.json()["manifests"]
        return found
