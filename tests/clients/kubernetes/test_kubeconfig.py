"""Programs that a kubeconfig names for its login: their end, and what they print."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.awaiting import await_true

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import Bounds
from kuryr_runbook.clients.kubernetes.connection import connect
from kuryr_runbook.model.errors import AccessError, RunbookError, UnreachableError

VERSION = "client.authentication.k8s.io/v1"
BAD = [
    "", "null", "[]", "{}", '{"status": null}', '{"status": []}', '{"status": {}}', "{" * 5000,
    '{"status": {"clientCertificateData": "x"}}', "\\xff",
    '{"status": {"token": "t", "expirationTimestamp": "soon"}}',
    '{"status": {"token": "t", "expirationTimestamp": []}}',
]  # fmt: skip


def config(folder: Path, script: str, **more: Any) -> Path:
    """A kubeconfig whose login is a shell's script."""
    plugin = {"apiVersion": VERSION, "command": "sh", "args": ["-c", script], **more}
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"exec": plugin}}],
            }
        )
    )
    return path


def printing(status: object) -> str:
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def token(api: Any) -> str:
    return str(api.configuration.auth_settings()["BearerToken"]["value"])


def test_one_that_sleeps_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "LOGIN", Bounds(whole=0.5))
    script = f"sleep 600 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(UnreachableError, match="the login program of the kubeconfig's user"):
        connect(config(tmp_path, script), None)
    child = int((tmp_path / "child").read_text())
    await_true(lambda: is_gone(child), "the plugin's child to be gone")


@pytest.mark.parametrize("printed", BAD)
def test_one_that_prints_nonsense_is_no_login(tmp_path: Path, printed: str) -> None:
    (tmp_path / "printed").write_text(printed)
    with pytest.raises(RunbookError) as caught:
        connect(config(tmp_path, "cat printed"), None)
    assert caught.value.exit_code in (1, 6)


def test_one_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="exit status 3: log in first"):
        connect(config(tmp_path, "echo log in first >&2; exit 3"), None)


def test_its_token_is_asked_for_anew_when_it_is_over(tmp_path: Path) -> None:
    over = datetime.now(UTC) - timedelta(minutes=1)
    for number, until in ((1, over), (2, over + timedelta(hours=1))):
        status = {"token": f"t{number}", "expirationTimestamp": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
        (tmp_path / f"{number}").write_text(printing(status))
    script = "n=$(cat n 2>/dev/null || echo 1); echo 2 > n; cat $n"
    api = connect(config(tmp_path, script), None)
    assert token(api) == "Bearer t2"
    assert token(api) == "Bearer t2"


def test_it_gets_its_environment_and_what_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "credential").write_text(printing({"token": "x"}))
    script = 'echo "$WHO $KUBERNETES_EXEC_INFO" > seen; echo noise >&2; cat credential'
    api = connect(config(tmp_path, script, env=[{"name": "WHO", "value": "me"}]), None)
    assert token(api) == "Bearer x"
    who, _, asked = (tmp_path / "seen").read_text().partition(" ")
    assert (who, json.loads(asked)["apiVersion"]) == ("me", VERSION)
