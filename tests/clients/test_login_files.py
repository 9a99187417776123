"""Where a run finds its secrets before a phase has run, and how kernels tell it the others."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from worlds.sites import lab_site

from kuryr_runbook.clients.login_files import read_secrets
from kuryr_runbook.clients.provenance import cloud_identity, cluster_identity
from kuryr_runbook.clients.secrets import VARIABLE, SecretChannel, learn, url_password
from kuryr_runbook.model.secrets import Secret
from kuryr_runbook.model.site import Site


def drawn() -> str:
    return secrets.token_urlsafe(24)


@pytest.fixture(autouse=True)
def _nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def site_of(tmp_path: Path) -> Site:
    site = lab_site()
    return site.model_copy(
        update={
            "openstack": site.openstack.model_copy(
                update={"clouds_yaml": tmp_path / "mine" / "clouds.yaml"}
            ),
            "kubernetes": site.kubernetes.model_copy(update={"kubeconfig": tmp_path / "config"}),
            "image": site.image.model_copy(update={"registry_auth": tmp_path / "auth.json"}),
        }
    )


def test_all_files_and_variables_are_read(tmp_path: Path) -> None:
    words = [drawn() for _ in range(10)]
    (tmp_path / "mine").mkdir()
    clouds = {"clouds": {"k8s": {"auth": {"username": "kuryr-user", "password": words[0]}}}}
    (tmp_path / "mine" / "clouds.yaml").write_text(yaml.safe_dump(clouds))
    secure = {"clouds": {"k8s": {"auth": {"application_credential_secret": words[1]}}}}
    (tmp_path / "secure.yaml").write_text(yaml.safe_dump(secure))
    (tmp_path / "token").write_text(f"{words[2]}\n")
    encoded = base64.b64encode(words[3].encode()).decode()
    user = {"client-key-data": encoded, "tokenFile": "token", "token": words[4]}
    plugin = {"auth-provider": {"config": {"refresh-token": words[5]}}}
    users = {"users": [{"name": "a", "user": user}, {"name": "b", "user": plugin}]}
    (tmp_path / "config").write_text(yaml.safe_dump(users))
    login = base64.b64encode(f"kuryr:{words[6]}".encode()).decode()
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"registry": {"auth": login}}}))
    environment = {
        "OS_PASSWORD": words[7],
        "OS_USERNAME": "nobody-secret",
        "https_proxy": f"http://me:{words[8]}@proxy:3128",
        "AWS_SECRET_ACCESS_KEY": words[9],
        "OTHER_TOKEN": "not ours to look for",
    }
    found = read_secrets(site_of(tmp_path), environment)
    values = {secret.value.strip() for secret in found}
    assert values == {*words, login}
    assert all(word not in secret.origin for secret in found for word in words)


@pytest.mark.parametrize(
    "text",
    [
        "{ no: yaml",
        "[1]",
        "users: [1, {user: 2}, {user: {client-key-data: '-', tokenFile: [1]}}]",
        "{users: {a: b}, clouds: [1], auths: [2]}",
        "auths: {registry: 3, other: {auth: 4}, third: {auth: 'not base64!'}}",
        "2026-13-45",
    ],
)
def test_what_makes_no_sense_is_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for path in ("config", "auth.json", "mine/clouds.yaml"):
        (tmp_path / path).write_text(text)
    site = site_of(tmp_path)
    assert {secret.origin.split()[1] for secret in read_secrets(site, {})} <= {"login"}
    assert set(cloud_identity(site, {})) == {"cloud"}
    assert cluster_identity(site, {}) == {}


@pytest.mark.parametrize(
    ("url", "password"),
    [("http://u:p%40ss@host:1", "p@ss"), ("https://host", ""), ("http://[", "")],
)
def test_the_password_of_a_url(url: str, password: str) -> None:
    assert url_password(url) == password


def test_a_process_tells_what_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = SecretChannel()
    monkeypatch.setenv(VARIABLE, str(channel.descriptor))
    one, other = drawn(), drawn()
    learn(one, "here")
    learn("", "nothing")
    assert list(channel.received()) == [Secret(one, "here")]
    script = f"from kuryr_runbook.clients.secrets import learn\nlearn({other!r}, 'in a process')\n"
    subprocess.run(
        [sys.executable, "-c", script], check=True, pass_fds=(channel.descriptor,), timeout=60
    )
    assert list(channel.received()) == [Secret(other, "in a process")]
    assert list(channel.received()) == []
    channel.close()


def test_nothing_is_written_to_a_descriptor_that_is_another_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "another"
    with path.open("w") as file:
        monkeypatch.setenv(VARIABLE, str(file.fileno()))
        learn(drawn(), "here")
    assert os.environ[VARIABLE]
    assert path.read_text() == ""
