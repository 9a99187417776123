"""A run whose cells print secrets: nothing of them gets to the terminal or into the run's files."""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs.small import FIRST, execute, write_notebook
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.model.secrets import REDACTED, KnownSecrets, Secret
from kuryr_runbook.recording.scanning import find_leaks
from kuryr_runbook.running.request import RunResult

PASSWORD = f'{secrets.token_hex(8)}"<&/ü%{secrets.token_hex(8)}'
MADE = secrets.token_urlsafe(24)
KIND = "PRIVATE KEY"
KEY = (
    f"-----BEGIN {KIND}-----\n"
    + base64.encodebytes(secrets.token_bytes(160)).decode()
    + f"-----END {KIND}-----\n"
)
ALL = KnownSecrets([Secret(PASSWORD, "password"), Secret(MADE, "made"), Secret(KEY, "key")])

BEGIN = """
import base64, html, json, os, sys, time, urllib.parse, yaml
from pathlib import Path
from IPython.display import HTML, JSON, display

here = Path({here!r})
password = yaml.safe_load((here / "clouds.yaml").read_text())["clouds"]["k8s"]["auth"]["password"]
key = (here / "key.pem").read_text()
"""
FORMS = r"""
for value in (password, key):
    raw = value.encode()
    print(value)
    print(repr(value), json.dumps(value), json.dumps(json.dumps({"password": value})))
    print(urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), html.escape(value))
    for before in ("", "a", "ab"):
        print(base64.b64encode(before.encode() + raw + b"more").decode())
        print(base64.urlsafe_b64encode(before.encode() + raw).decode())
    print(base64.encodebytes(b"user:" + raw).decode())
    print(html.escape(value, quote=False), raw.hex(), raw.hex().upper(), raw.hex(" "))
    print(base64.b32encode(raw).decode(), base64.b32encode(b"ab" + raw).decode().lower())
    print(base64.b64encode(value.encode("utf-16")).decode())
    print(base64.b64encode(base64.b64encode(b"user:" + raw)).decode())
    print("".join(f"%{byte:02x}" for byte in raw), "".join(f"%{byte:02X}" for byte in raw))
    print("".join(f"&#{ord(x)};" for x in value), "".join(f"&#x{ord(x):X};" for x in value))
    print("".join(f"\\u{ord(x):04x}" for x in value), "".join(f"\\x{byte:02x}" for byte in raw))
    print(value, file=sys.stderr)
    for line in value.splitlines():
        print(line)
    display(HTML(f"<b>{html.escape(value)}</b>"), JSON({"password": value}), {"password": value})
"""
PIECES = """
for piece in (password[:7], password[7:15], password[15:]):
    sys.stdout.write(piece)
    sys.stdout.flush()
    time.sleep(0.3)
"""
BESIDE = """
for piece in (password[:7], password[7:]):
    sys.stdout.write(piece)
    sys.stdout.flush()
written = here / "run" / "01_image_build.ipynb"
deadline = time.monotonic() + 60
while "[red" "acted]" not in (text := written.read_text()) and time.monotonic() < deadline:
    time.sleep(0.05)
print()
print("written" if "[red" "acted]" in text else "not written")
print("some of it" if password[:7] in text or password[7:] in text else "nothing of it")
"""
LEARNT = """
from kuryr_runbook.clients.secrets import learn
learn((here / "made").read_text(), "made by this cell")
print((here / "made").read_text())
"""
RAISED = """
raise ValueError(f"refused: {password}")
"""
LOGGED = """
os.write(2, f"E1126 a library logs {password}\\n".encode())
os.kill(os.getpid(), 9)
"""
CHILDREN = """
import subprocess
os.write(1, f"written {password}\\n".encode())
os.write(2, f"written {password}\\n".encode())
subprocess.run(["cat", str(here / "clouds.yaml"), str(here / "key.pem")])
subprocess.run(["sh", "-c", 'echo "$0" >&2', password])
os.system(f"echo printed by a child; cat {here}/key.pem")
time.sleep(1)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    clouds = {"clouds": {"k8s": {"auth": {"username": "kuryr", "password": PASSWORD}}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds))
    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "made").write_text(MADE)
    users = {"users": [{"name": "a", "user": {"client-key": "key.pem"}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(users))
    values = yaml.safe_load(LAB.read_text())
    values["openstack"]["clouds_yaml"] = str(tmp_path / "clouds.yaml")
    values["kubernetes"]["kubeconfig"] = str(tmp_path / "kubeconfig")
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def run(site: Path, *cells: str) -> tuple[RunResult, str]:
    here = site.parent
    (here / "notebooks").mkdir()
    begin = BEGIN.format(here=str(here))
    write_notebook(here / "notebooks" / FIRST.notebook, begin, *cells)
    options = dict(
        run_dir=here / "run", notebooks=here / "notebooks", leases=lambda site: MemoryLeases()
    )
    stream = io.StringIO()
    return execute(site, [FIRST], stream, **options), stream.getvalue()


@pytest.mark.parametrize("cell", [FORMS, PIECES, LEARNT, RAISED, LOGGED])
def test_no_form_of_a_secret_gets_anywhere(cell: str, site: Path) -> None:
    result, reported = run(site, cell)
    assert list(find_leaks(result.directory, ALL)) == []
    assert ALL.found_in(reported) == []
    assert ALL.found_in(str(result.error)) == []
    kept = "".join(path.read_text() for path in result.directory.glob("*.[il]*"))
    assert REDACTED in kept


def test_what_children_and_descriptors_write_has_no_secret_either(
    site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        # Where it is set, ipykernel leaves the descriptors alone.
        patched.delenv("PYTEST_CURRENT_TEST")
        result, reported = run(site, CHILDREN)
    assert result.error is None
    assert "printed by a child" in reported
    assert f"written {REDACTED}" in reported
    assert list(find_leaks(result.directory, ALL)) == []
    passed_by = "".join(capfd.readouterr())
    assert ALL.found_in(reported) == []
    assert ALL.found_in(passed_by) == []
    assert "printed by a child" not in passed_by


def test_what_is_written_beside_a_cell_has_no_secret_either(site: Path) -> None:
    _, reported = run(site, BESIDE)
    assert re.search(r"^ *written\n *nothing of it$", reported, re.MULTILINE)


def test_what_is_no_secret_stays(site: Path) -> None:
    result, _ = run(site, "print('kuryr is', password, 'here')")
    notebook: Any = json.loads((result.directory / FIRST.notebook).read_text())
    (output,) = notebook["cells"][-1]["outputs"]
    assert "".join(output["text"]) == f"kuryr is {REDACTED} here\n"
