"""Logins that are none, in clouds.yaml, the OS_* variables or a kubeconfig: refused at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from worlds.broken_files import CONTENTS, IRREGULAR, damaged, values
from worlds.sites import LAB_TEXT

from kuryr_runbook.clients.kubernetes.connection import connect
from kuryr_runbook.clients.login_files import read_secrets
from kuryr_runbook.clients.openstack.session import OpenStackSession
from kuryr_runbook.model.errors import ExitCode, RunbookError
from kuryr_runbook.model.site_file import parse_site

VARIABLES = {
    "OS_AUTH_URL": "http://127.0.0.1:9/v3",
    "OS_USERNAME": "u",
    "OS_PASSWORD": "a-password-of-nobody",
    "OS_PROJECT_NAME": "p",
    "OS_USER_DOMAIN_NAME": "Default",
    "OS_PROJECT_DOMAIN_NAME": "Default",
}
AUTH = {
    "auth_url": "http://127.0.0.1:9/v3",
    "username": "u",
    "password": "a-password-of-nobody",
    "project_name": "p",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
    "users": [{"name": "u", "user": {"token": "a-token-of-nobody"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
}


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def refusal(path: Path | None, cloud: str = "k8s") -> str:
    """Why that is no login; empty: it may be one, which nobody has asked yet."""
    try:
        OpenStackSession(cloud, path, lambda line: None)
    except RunbookError as error:
        assert error.exit_code == ExitCode.USAGE  # noqa: PT017 - that is what is asked
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"OS_AUTH_URL": None}, "auth_url"),
        ({"OS_USERNAME": None}, "auth_type password also needs OS_USERNAME or OS_USER_ID"),
        ({"OS_PASSWORD": None}, "auth_type password also needs OS_PASSWORD"),
        ({"OS_PASSWORD": None, "OS_USERNAME": None}, "OS_USERNAME or OS_USER_ID, OS_PASSWORD"),
        ({"OS_AUTH_TYPE": "nope"}, "nope could not be found"),
        ({"OS_AUTH_TYPE": "\x1b[31m"}, "\\x1b[31m could not be found"),
        ({"OS_AUTH_TYPE": "v3totp"}, "the SDK cannot use a value in it"),
        ({"OS_AUTH_TYPE": "v3oidcpassword"}, "endpoint"),
        ({"OS_AUTH_TYPE": "v3applicationcredential"}, "application credential"),
        (
            {"OS_AUTH_TYPE": "v3applicationcredential", "OS_APPLICATION_CREDENTIAL_ID": "x"},
            "secret",
        ),
        ({"OS_AUTH_URL": "nonsense"}, "OS_AUTH_URL is not an http or https URL"),
        ({"OS_AUTH_URL": "ftp://x"}, "OS_AUTH_URL is not an http or https URL"),
        ({"OS_AUTH_URL": "http://127.0.0.1:99999"}, "OS_AUTH_URL is not an http or https URL"),
        ({"OS_AUTH_URL": "http://[::1"}, "OS_AUTH_URL is not an http or https URL"),
        ({"OS_CACERT": "/nowhere/ca.pem"}, "the cloud's cacert /nowhere/ca.pem cannot be read"),
    ],
)
def test_what_the_variables_lack_is_named(
    change: dict[str, str | None], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (VARIABLES | change).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    assert expected in refusal(None, "envvars")


def test_whole_variables_are_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    assert refusal(None, "envvars") == ""


def clouds(path: Path, **entry: Any) -> Path:
    path.write_text(json.dumps({"clouds": {"k8s": {"auth": AUTH, **entry}}}))
    return path


@pytest.mark.parametrize(
    "key",
    "auth auth_type region_name profile cacert cert api_timeout networks verify interface".split(),
)
@given(value=values)
@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_value_of_an_entry_is_taken_or_refused(key: str, value: Any, tmp_path: Path) -> None:
    said = refusal(clouds(tmp_path / "clouds.yaml", **{key: value}))
    assert len(said) < 3000
    assert "a-password-of-nobody" not in said


@pytest.mark.parametrize("kind", [*CONTENTS, *IRREGULAR])
@pytest.mark.timeout(60)
def test_files_that_are_no_logins_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "login"
    if kind in IRREGULAR:
        IRREGULAR[kind](path)
    else:
        path.write_bytes(CONTENTS[kind])
    assert 0 < len(refusal(path)) < 3000
    with pytest.raises(RunbookError) as caught:
        connect(path, None)
    assert caught.value.exit_code == ExitCode.USAGE
    assert len(str(caught.value)) < 3000
    text = json.dumps(str(path))
    site = parse_site(LAB_TEXT.replace("~/.local/state/kuryr-runbook/lab/clouds.yaml", text), "x")
    assert isinstance(read_secrets(site, {"KUBECONFIG": str(path)}), list)


@given(damaged(json.dumps(KUBECONFIG).encode()))
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_damaged_kubeconfig_is_a_login_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    try:
        connect(path, None)
    except RunbookError as error:
        assert len(str(error)) < 3000  # noqa: PT017 - that is what is asked


def test_a_pipe_that_the_environment_names_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(pipe))
    assert "is a pipe" in refusal(None)
    monkeypatch.setenv("KUBECONFIG", str(pipe))
    with pytest.raises(RunbookError, match="is a pipe"):
        connect(None, None)


def test_files_in_no_home_directory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "~nobody-here/file"
    for option in ("cacert", "cert", "key"):
        said = refusal(clouds(tmp_path / "clouds.yaml", **{option: nowhere}))
        assert f"the cloud's {option} {nowhere}: there is no home directory" in said
    monkeypatch.setenv("KUBECONFIG", nowhere)
    with pytest.raises(RunbookError, match=f"KUBECONFIG {nowhere}: there is no home directory"):
        connect(None, None)


def test_an_unknown_kind_of_proxy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    server = {"server": "https://127.0.0.1:6443", "proxy-url": "socks9://127.0.0.1"}
    path.write_text(json.dumps({**KUBECONFIG, "clusters": [{"name": "c", "cluster": server}]}))
    with pytest.raises(RunbookError, match="cannot use a value in it"):
        connect(path, None)
