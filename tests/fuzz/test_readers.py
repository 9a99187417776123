"""Every reader of a file from outside, with files that are none and with damaged ones.

Whatever the file is: a value or an error of ours, of bounded length, visible, and in time.
CI runs the bounded number of examples that stands here, with the rest of the pure tests.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.recorded import recorded
from worlds.broken_files import CONTENTS, IRREGULAR, damaged
from worlds.sites import LAB_TEXT, lab_site
from worlds.world import World

from kuryr_runbook.clients.files import read_certificates
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.clients.lock_files import LockFile
from kuryr_runbook.model.approval import FORMAT
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.locking import Holder
from kuryr_runbook.model.site_file import parse_site, site_digest
from kuryr_runbook.phases.approval import read_document
from kuryr_runbook.phases.earlier.image import registry_login
from kuryr_runbook.phases.site.choice import site_files
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.recording.chain import head_path, read_head
from kuryr_runbook.recording.records import read_record
from kuryr_runbook.recording.signing import load_public_keys, load_signer
from kuryr_runbook.running.account import read_whole_run
from kuryr_runbook.snapshots.diagnosis import load_snapshot, save_snapshot

SITE = lab_site()
Reader = Callable[[Path], object]


def with_value(old: str, path: Path) -> str:
    assert old in LAB_TEXT
    return LAB_TEXT.replace(old, json.dumps(str(path)))


def linked(path: Path, name: str) -> Path:
    """A directory of its own, in which the file stands under that name."""
    place = path.parent / "place"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / name).symlink_to(path)
    return place


def moved(path: Path, name: str) -> Path:
    """The same for those who follow no link."""
    place = path.parent / "place"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if os.path.lexists(path):
        path.rename(place / name)
    return place


def read_own_head(path: Path) -> object:
    target = head_path("lab")
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        target.unlink() if not target.is_dir() else target.rmdir()
    if os.path.lexists(path):
        path.rename(target)
    return read_head("lab")


def read_login(path: Path) -> object:
    text = with_value("~/.local/state/kuryr-runbook/lab/registry/auth.json", path)
    return registry_login(parse_site(text, "x"))


def read_signer(path: Path) -> object:
    record = f"record:\n  signing_key: {json.dumps(str(path))}\n"
    return load_signer(parse_site(f"{LAB_TEXT}\n{record}", "x"))


def read_holder(path: Path) -> object:
    if path.is_dir() or path.is_symlink() or not path.is_file():
        return None  # Never opened: the lock's own home refuses it.
    lock = LockFile(path)
    try:
        return Holder.from_text(lock.read())
    finally:
        lock.close()


READERS: dict[str, Reader] = {
    "site": read_site,
    "site files": lambda path: site_files(linked(path, "x.yaml")),
    "plan": lambda path: read_document(path, SITE),
    "snapshot": load_snapshot,
    "registry": RegistryClient,
    "registry login": read_login,
    "certificates": lambda path: read_certificates(path, "the CA"),
    "account": lambda path: read_whole_run(linked(path, "run.json")),
    "record": lambda path: read_record(moved(path, "record.json")),
    "newest record": read_own_head,
    "signing key": read_signer,
    "public key": lambda path: load_public_keys([path]),
    "lock's holder": read_holder,
}


@pytest.fixture(autouse=True)
def _own_home(own_state: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def refuse_other_ends(reader: str, path: Path) -> None:
    """Fail unless the reader returns, or raises an error that can be shown as it is."""
    try:
        READERS[reader](path)
    except RunbookError as error:
        said = str(error)
        assert len(said) < 3000
        assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", [*CONTENTS, *IRREGULAR])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.timeout(60)
def test_whatever_a_file_is_it_is_read_or_refused(reader: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if kind in IRREGULAR:
        IRREGULAR[kind](path)
    else:
        path.write_bytes(CONTENTS[kind])
    refuse_other_ends(reader, path)


def whole(reader: str, place: Path) -> bytes:
    """A file that the reader takes."""
    match reader:
        case "site" | "site files":
            return LAB_TEXT.encode()
        case "plan":
            change = {"field": "f", "before": "a", "after": "b"}
            step = {"action": "update", "kind": "subnet", "name": "n", "id": None, "because": "b",
                    "disturbs": "", "conflicts": [], "changes": [change]}  # fmt: skip
            phase = {"phase": "daemon", "counts": {"update": 1}, "steps": [step]}
            head = {"format": FORMAT, "site": "lab", "site_digest": site_digest(SITE)}
            return json.dumps({**head, "made_at": "t", "version": "1", "phases": [phase]}).encode()
        case "snapshot":
            save_snapshot(World(2).read(), place / "snapshot.json")
            return (place / "snapshot.json").read_bytes()
        case "registry" | "registry login":
            return b'{"auths": {"203.0.113.130:5443": {"auth": "dXNlcjpwYXNzd29yZA=="}}}'
        case "account":
            return json.dumps(
                {"site": "lab", "site_file": "lab.yaml", "dry_run": False, "pid": 1, "version": "1",
                 "started": "t", "ended": None, "status": "FAILED",
                 "phases": [{"phase": "daemon", "notebook": "04.ipynb", "status": "FAILED",
                             "cells": [{"id": "a", "step": "b", "status": "RAN"}]}]}
            ).encode()  # fmt: skip
        case "record":
            return (recorded(place / "lab", "r01").directory / "record.json").read_bytes()
        case "newest record":
            return b'{"number": 1, "sha256": "00ff", "directory": "r01", "path": "/runs/lab/r01"}'
        case "lock's holder":
            return Holder(
                user="u", host="h", pid=1, since="s", command="c", directory="d", token="t",
                lock_file="l",
            ).as_text().encode()  # fmt: skip
    raise AssertionError(reader)


FORMS = [name for name in READERS if name not in ("certificates", "signing key", "public key")]


@pytest.mark.parametrize("reader", FORMS)
@given(data=st.data())
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_damaged_file_is_read_or_refused(
    reader: str, data: st.DataObject, tmp_path: Path
) -> None:
    good = tmp_path / f"good-{reader}"
    if not good.exists():
        (tmp_path / "making").mkdir(exist_ok=True)
        good.write_bytes(whole(reader, tmp_path / "making"))
    path = tmp_path / "file"
    path.write_bytes(data.draw(damaged(good.read_bytes())))
    refuse_other_ends(reader, path)


@pytest.mark.parametrize("reader", FORMS)
def test_what_is_damaged_here_was_whole(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "making").mkdir()
    path.write_bytes(whole(reader, tmp_path / "making"))
    assert READERS[reader](path) or reader == "registry login"
