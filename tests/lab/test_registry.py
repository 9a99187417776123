"""The registry's login and files, the base image's documents, and both of them for real."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import bcrypt
import pytest
import requests
import yaml

from kuryr_runbook.lab import base_image, registry, uploading
from kuryr_runbook.lab.debian import Suite
from kuryr_runbook.lab.settings import REGISTRY, LabSettings
from kuryr_runbook.model.errors import LabError


@pytest.fixture
def scratch(tmp_path: Path) -> LabSettings:
    return LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")


def test_login_is_drawn_once_and_admitted(scratch: LabSettings) -> None:
    registry.ensure_files(scratch)
    login = registry.read_login(scratch)
    htpasswd = (scratch.state / "registry" / "htpasswd").read_bytes()
    user, _, hashed = htpasswd.strip().partition(b":")
    assert user.decode() == login.user
    assert bcrypt.checkpw(login.password.encode(), hashed)
    assert stat.S_IMODE(scratch.registry_auth.stat().st_mode) == 0o600
    registry.ensure_files(scratch)
    assert registry.read_login(scratch) == login
    assert (scratch.state / "registry" / "htpasswd").read_bytes() == htpasswd


def test_lost_login_is_replaced_with_the_hash(scratch: LabSettings) -> None:
    registry.ensure_files(scratch)
    before = registry.read_login(scratch)
    scratch.registry_auth.unlink()
    registry.ensure_files(scratch)
    after = registry.read_login(scratch)
    hashed = (scratch.state / "registry" / "htpasswd").read_bytes().strip().partition(b":")[2]
    assert after.password != before.password
    assert bcrypt.checkpw(after.password.encode(), hashed)


def test_password_shows_nowhere(scratch: LabSettings) -> None:
    registry.ensure_files(scratch)
    login = registry.read_login(scratch)
    program = registry.program(scratch, Path("/usr/bin/docker-registry"))
    texts = [repr(login), repr(program), (scratch.state / "registry" / "config.yml").read_text()]
    assert not any(login.password in text for text in texts)


@pytest.mark.parametrize("content", ["", "{}", '{"auths": {"other": {}}}', "[]"])
def test_a_strange_login_file_is_refused_with_the_way_out(
    scratch: LabSettings, content: str
) -> None:
    scratch.registry_auth.parent.mkdir(parents=True)
    scratch.registry_auth.write_text(content)
    with pytest.raises(LabError, match=r"auth\.json") as refused:
        registry.ensure_files(scratch)
    assert refused.value.remedy


def test_images_can_be_deleted_and_nothing_is_plain_text(scratch: LabSettings) -> None:
    configuration = yaml.safe_load(registry.render_configuration(scratch))
    assert configuration["storage"]["delete"]["enabled"] is True
    assert set(configuration["http"]["tls"]) == {"certificate", "key"}
    assert "htpasswd" in configuration["auth"]


def test_changed_configuration_is_another_program(scratch: LabSettings) -> None:
    registry.ensure_files(scratch)
    before = registry.program(scratch, Path("/registry"))
    (scratch.state / "registry" / "htpasswd").write_text("other:login\n")
    assert registry.program(scratch, Path("/registry")) != before


def test_manifest_names_the_very_bytes_of_its_configuration() -> None:
    layer = {"mediaType": base_image.LAYER_TYPE, "digest": "sha256:ab", "size": 3}
    config, manifest = base_image.describe("sha256:cd", layer)
    described = json.loads(manifest)
    assert described["config"]["digest"] == base_image.digest_of(config)
    assert described["config"]["size"] == len(config)
    assert described["layers"] == [layer]
    assert json.loads(config)["rootfs"]["diff_ids"] == ["sha256:cd"]
    assert base_image.describe("sha256:cd", layer) == (config, manifest)


def test_the_machines_own_files_are_forgotten() -> None:
    command = base_image.mmdebstrap(['Acquire::http::Proxy "http://proxy.test:3142";'])
    (hook,) = [argument for argument in command if argument.startswith("--customize-hook=")]
    for file in ("etc/resolv.conf", "etc/hostname", "apt.conf.d/99mmdebstrap"):
        assert file in hook
    assert '--aptopt=Acquire::http::Proxy "http://proxy.test:3142";' in command


def test_sources_of_the_image_are_binary_only() -> None:
    text = base_image.render_sources([Suite("http://mirror.test/debian", "bookworm")])
    assert text == "deb http://mirror.test/debian bookworm main\n"


@pytest.mark.lab
def test_registry_admits_its_login_only(settings: LabSettings) -> None:
    login = registry.read_login(settings)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(settings.ca)
        url = f"https://{REGISTRY}/v2/"
        assert session.get(url, timeout=10).status_code == 401
        assert session.get(url, auth=(login.user, "guess"), timeout=10).status_code == 401
        assert session.get(url, auth=(login.user, login.password), timeout=10).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url, verify=True, timeout=10)


@pytest.mark.lab
def test_base_image_is_in_the_registry_and_is_not_uploaded_again(settings: LabSettings) -> None:
    said: list[str] = []
    image = base_image.make(settings, said.append)
    uploading.upload(image, settings, said.append)
    assert said == []


@pytest.mark.lab
def test_base_image_holds_nothing_of_this_machine(settings: LabSettings) -> None:
    image = base_image.make(settings, lambda _: None)
    listed = subprocess.run(
        ("tar", "--list", "--file", str(image / "layer.tar.gz")),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    assert "./usr/bin/apt-get" in listed
    assert not {"./etc/resolv.conf", "./etc/hostname", "./etc/pip.conf"} & set(listed)
    certificates = "./usr/local/share/ca-certificates/"
    assert not any(path.startswith(certificates) and path != certificates for path in listed)
