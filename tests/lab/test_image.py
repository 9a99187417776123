"""The image for real: built on the lab's base image, tried, pushed to the lab's registry."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuryr_runbook.clients.images import kuryr as images
from kuryr_runbook.clients.images.build_settings import host_files
from kuryr_runbook.clients.images.engines import Engine
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.lab import settings as lab
from kuryr_runbook.lab.pki import ensure_ca
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import AccessError, ApplyError, RunbookError, UnreachableError
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.specs.image import ImageSpec, Reference, SmokeTest

pytestmark = [pytest.mark.lab, pytest.mark.slow]

REPOSITORY = f"{lab.REGISTRY}/tests/kuryr"
BASE = f"{lab.REGISTRY}/lab/debian:bookworm"
CANARY = "canary-7c1f.invalid"
"""A setting of this machine, in pip's configuration, that must not get into the image."""

SIZE_BAR = 145_000_000
"""Bytes to transfer."""


@pytest.fixture(scope="module")
def registry(settings: LabSettings) -> RegistryClient:
    return RegistryClient(settings.registry_auth, settings.ca)


@pytest.fixture(scope="module")
def spec(registry: RegistryClient) -> ImageSpec:
    site = parse_site(
        f"""
        name: test
        openstack: {{}}
        kubernetes: {{}}
        network: {{}}
        kuryr: {{}}
        image: {{repository: "{REPOSITORY}", base_image: "{BASE}"}}
        """,
        "test.yaml",
    )
    return images.read_image_spec(site, registry)


@pytest.fixture(scope="module")
def engine(settings: LabSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    engine = Engine(
        name="buildah",
        say=lambda line: None,
        log=folder / "image.log",
        auth_file=settings.registry_auth,
        ca=settings.ca,
        storage=folder / "storage",
    )
    yield engine
    buildah(engine, "rmi", "--all", "--force")


@pytest.fixture(scope="module")
def image(engine: Engine, spec: ImageSpec) -> Iterator[str]:
    """Id of the image, built with a canary among this machine's settings."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PIP_TRUSTED_HOST", CANARY)
        environment.setenv("no_proxy", CANARY)
        given = host_files(os.environ)
        assert CANARY in given["pip.conf"]
        assert CANARY in given["env"]
        yield engine.build(spec)


def buildah(engine: Engine, *arguments: str) -> str:
    root = ("--root", str(engine.storage), "--runroot", f"{engine.storage}/run")
    command = ("buildah", *root, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def in_image(engine: Engine, image: str, script: str) -> str:
    return engine.run_in_image(image, "sh", "-c", script).output


def test_every_smoke_test_passes(engine: Engine, spec: ImageSpec, image: str) -> None:
    for test in spec.smoke_tests:
        images.smoke_test(engine, image, test)


def test_smoke_test_can_fail(engine: Engine, image: str) -> None:
    broken = SmokeTest(name="broken", command=("python", "-c", "import pip"), expected="")
    with pytest.raises(ApplyError, match="No module named 'pip'"):
        images.smoke_test(engine, image, broken)


def test_image_holds_no_tool_of_the_build(engine: Engine, image: str) -> None:
    script = "for tool in gcc cc go pip pip3 make; do command -v $tool && echo FOUND; done; ls /"
    seen = in_image(engine, image, script)
    assert "FOUND" not in seen
    assert "host" not in seen.split()
    assert "build" not in seen.split()
    lists = in_image(engine, image, "find /var/lib/apt/lists /var/cache -type f | wc -l")
    assert lists.strip() == "0"


def test_image_holds_no_setting_of_this_machine(engine: Engine, image: str) -> None:
    script = f"grep -rlF {CANARY} / --exclude-dir=proc --exclude-dir=sys; echo searched"
    assert in_image(engine, image, script).strip() == "searched"
    assert "99host" not in in_image(engine, image, "ls -R /etc/apt")
    described = buildah(engine, "inspect", "--type", "image", image)
    for trace in (CANARY, "/host", "PIP_", "http_proxy"):
        assert trace not in described, trace


def test_image_is_pushed_read_back_and_known_again(
    engine: Engine, spec: ImageSpec, image: str, registry: RegistryClient
) -> None:
    remote = images.push_image(engine, spec, registry)
    assert remote == images.read_remote_image(spec, registry)
    assert spec.is_made_as(remote.labels)
    assert remote.size < SIZE_BAR
    again = images.push_image(engine, spec, registry)
    assert again.digest == remote.digest
    assert engine.build(spec) == image


def test_plugin_is_the_one_of_the_image(engine: Engine, image: str) -> None:
    plugin = images.read_plugin(engine, image)
    assert plugin.content.startswith(b"\x7fELF")
    assert plugin.sha256 == hashlib.sha256(plugin.content).hexdigest()


def test_missing_image_is_none(registry: RegistryClient) -> None:
    assert registry.remote_image(Reference.parse(f"{lab.REGISTRY}/tests/none:1")) is None


def wrong_login(folder: Path) -> Path:
    path = folder / "auth.json"
    encoded = base64.b64encode(b"kuryr:wrong").decode()
    path.write_text(json.dumps({"auths": {lab.REGISTRY: {"auth": encoded}}}))
    return path


def test_wrong_password_is_refused(
    engine: Engine, spec: ImageSpec, image: str, settings: LabSettings, tmp_path: Path
) -> None:
    auth_file = wrong_login(tmp_path)
    with pytest.raises(AccessError, match="401"):
        RegistryClient(auth_file, settings.ca).digest(spec.reference)
    with pytest.raises(AccessError, match="pushing"):
        dataclasses.replace(engine, auth_file=auth_file).push(str(spec.reference))


def test_untrusted_ca_is_refused(
    engine: Engine, spec: ImageSpec, image: str, settings: LabSettings, tmp_path: Path
) -> None:
    another = ensure_ca(tmp_path / "pki").cert
    with pytest.raises(AccessError, match="not trusted"):
        RegistryClient(settings.registry_auth, another).digest(spec.reference)
    with pytest.raises(AccessError, match="x509"):
        dataclasses.replace(engine, ca=another).push(str(spec.reference))


def test_silent_registry_is_reported_apart(settings: LabSettings) -> None:
    nobody = Reference.parse("127.0.0.1:9/kuryr/kuryr:stein")
    client = RegistryClient(settings.registry_auth, settings.ca)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"):
        client.digest(nobody)


def test_failing_step_of_the_build_is_shown(engine: Engine, spec: ImageSpec) -> None:
    packages = b"eventlet==0.0.1 --hash=sha256:" + b"0" * 64 + b"\n"
    broken = dataclasses.replace(spec, files=dict(spec.files) | {"packages.txt": packages})
    with pytest.raises(RunbookError, match=r"eventlet==0\.0\.1"):
        engine.build(broken)


def test_another_file_than_the_pinned_one_is_not_installed(engine: Engine, spec: ImageSpec) -> None:
    kuryr = re.sub(b"sha256:....", b"sha256:0000", spec.files["kuryr.txt"])
    broken = dataclasses.replace(spec, files=dict(spec.files) | {"packages.txt": kuryr})
    with pytest.raises(RunbookError, match="DO NOT MATCH THE HASHES"):
        engine.build(broken)
