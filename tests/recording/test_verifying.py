"""Whatever is done to records and the files of runs is found, and its place is named."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.recorded import recorded
from worlds.sites import lab_site

from kuryr_runbook.model.site import RecordSection
from kuryr_runbook.recording.chain import heads_of
from kuryr_runbook.recording.records import run_directories
from kuryr_runbook.recording.signing import key_path, load_public_keys, load_signer, public_path
from kuryr_runbook.recording.verifying import verify_runs

RUNS = ("r01", "r02", "r03")
PAGE = "02_openstack_prep.html"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in RUNS:
        recorded(tmp_path / "lab", name)
    return tmp_path / "lab"


def problems(runs: Path, *, heads: bool = True) -> list[str]:
    keys = load_public_keys([public_path(key_path(None))])
    known = heads_of(["lab"]) if heads else {}
    return [str(item) for item in verify_runs(run_directories([runs]), keys, known).problems]


def test_what_nobody_touched_holds(runs: Path) -> None:
    assert problems(runs) == []


def changed(runs: Path) -> None:
    path = runs / "r02" / PAGE
    path.write_text(path.read_text().replace("r02", "r0Z"))


def reordered(runs: Path) -> None:
    path = runs / "r02" / PAGE
    path.write_bytes(path.read_bytes()[::-1])


def missing(runs: Path) -> None:
    (runs / "r02" / PAGE).unlink()


def linked(runs: Path) -> None:
    path = runs / "r02" / PAGE
    path.rename(runs.parent / "elsewhere")
    path.symlink_to(runs.parent / "elsewhere")


def added(runs: Path) -> None:
    (runs / "r02" / "below").mkdir()
    (runs / "r02" / "below" / "new.html").touch()


def swapped_files(runs: Path) -> None:
    one, other = (runs / name / PAGE for name in ("r01", "r02"))
    one.rename(runs / "kept")
    other.rename(one)
    (runs / "kept").rename(other)


def swapped_runs(runs: Path) -> None:
    (runs / "r01").rename(runs / "kept")
    (runs / "r02").rename(runs / "r01")
    (runs / "kept").rename(runs / "r02")


def payload_changed(runs: Path) -> None:
    path = runs / "r02" / "record.json"
    envelope = json.loads(path.read_text())
    statement = json.loads(b64decode(envelope["payload"]))
    statement["predicate"]["run"]["status"] = "FAILED"
    envelope["payload"] = b64encode(json.dumps(statement).encode()).decode()
    path.write_text(json.dumps(envelope))


def unsigned(runs: Path) -> None:
    path = runs / "r02" / "record.json"
    envelope = json.loads(path.read_text())
    path.write_text(json.dumps({**envelope, "signatures": []}))


def no_record(runs: Path) -> None:
    (runs / "r02" / "record.json").unlink()


def broken(runs: Path) -> None:
    (runs / "r02" / "record.json").write_text("{")


def middle_gone(runs: Path) -> None:
    shutil.rmtree(runs / "r02")


def first_gone(runs: Path) -> None:
    shutil.rmtree(runs / "r01")


def last_gone(runs: Path) -> None:
    shutil.rmtree(runs / "r03")


def all_gone(runs: Path) -> None:
    shutil.rmtree(runs)
    runs.mkdir()


def copied(runs: Path) -> None:
    shutil.copytree(runs / "r02", runs / "r02-again")


TAMPERED: dict[Callable[[Path], None], tuple[str, ...]] = {
    changed: (f"r02/{PAGE}: was changed",),
    reordered: (f"r02/{PAGE}: was changed",),
    missing: (f"r02/{PAGE}: is missing",),
    linked: (f"r02/{PAGE}: is not a plain file",),
    added: ("r02/below/new.html: was added",),
    swapped_files: (f"r01/{PAGE}: was changed", f"r02/{PAGE}: was changed"),
    swapped_runs: ("r01: was recorded as r02", "r02: was recorded as r01"),
    payload_changed: ("r02/record.json: no given key", "r02/record.json: is not the record 2"),
    unsigned: ("r02/record.json: no given key", "r02/record.json: is not the record 2"),
    no_record: ("r02: has no record.json", "record 2 (r02), which r03 was chained to, is missing"),
    broken: ("r02/record.json is no record", "record 2 (r02), which r03 was chained to"),
    middle_gone: ("record 2 (r02), which r03 was chained to, is missing",),
    first_gone: ("record 1 (r01), which r02 was chained to, is missing",),
    last_gone: ("record 3 (r03), the newest that was made here, is missing",),
    all_gone: ("site lab: record 3 is missing",),
    copied: ("was recorded as r02", "is record 2, as is"),
}


@pytest.mark.parametrize(
    ("tamper", "told"), TAMPERED.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_it_is_found_and_its_place_is_named(
    tamper: Callable[[Path], None], told: tuple[str, ...], runs: Path
) -> None:
    tamper(runs)
    found = problems(runs)
    assert len(found) == len(told), found
    for text in told:
        assert any(text in problem for problem in found), found


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(st.data())
def test_any_changed_byte_of_any_file_is_found(runs: Path, data: st.DataObject) -> None:
    files = sorted(path for path in runs.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    path.write_bytes(content[:at] + bytes([byte]) + content[at + 1 :])
    try:
        assert problems(runs)
    finally:
        path.write_bytes(content)


def test_a_record_of_another_key_is_told(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    shutil.move(key_path(None), other)
    public_path(key_path(None)).unlink()
    load_signer(lab_site())
    assert len(problems(runs)) == len(RUNS)
    load_signer(lab_site().model_copy(update={"record": RecordSection(signing_key=other)}))
    keys = load_public_keys([public_path(other), public_path(key_path(None))])
    assert not verify_runs(run_directories([runs]), keys, heads_of(["lab"])).problems


def test_a_run_that_lives_or_was_killed_has_no_record_yet(runs: Path) -> None:
    (runs / "r04").mkdir()
    (runs / "r04" / "run.json").write_text('{"status": "RUNNING"}')
    assert problems(runs) == []


def test_without_a_note_of_the_newest_the_rest_is_verified(runs: Path) -> None:
    last_gone(runs)
    assert problems(runs, heads=False) == []
    changed(runs)
    assert len(problems(runs, heads=False)) == 1
