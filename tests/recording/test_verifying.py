"""Whatever is done to records and the files of runs is found, and its place is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.recorded import recorded, restated
from worlds.sites import lab_site

from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.model.site import RecordSection
from kuryr_runbook.recording.chain import Head, head_path
from kuryr_runbook.recording.expecting import heads_below, noted_heads
from kuryr_runbook.recording.signing import key_path, load_public_keys, load_signer, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import Verification, verify

RUNS = ("r01", "r02", "r03")
PAGE = "02_openstack_prep.html"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in RUNS:
        recorded(tmp_path / "lab", name)
    return tmp_path / "lab"


def verification(runs: Path, *, noted: bool = True) -> Verification:
    keys = load_public_keys([public_path(key_path(None))])
    heads: dict[str, Head] = heads_below(noted_heads()[0], [runs]) if noted else {}
    return verify(standing_in([runs]), keys, heads)


def problems(runs: Path, *, noted: bool = True) -> list[str]:
    return [str(item) for item in verification(runs, noted=noted).problems]


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


def empty_directory(runs: Path) -> None:
    (runs / "r02" / "below").mkdir()


def pipe(runs: Path) -> None:
    (runs / "r02" / PAGE).unlink()
    os.mkfifo(runs / "r02" / PAGE)


def endless(runs: Path) -> None:
    os.truncate(runs / "r02" / PAGE, 1 << 40)


def other_page(runs: Path) -> None:
    (runs / "index.html").write_text("<p>evil")


def linked_page(runs: Path) -> None:
    (runs / "index.html").rename(runs.parent / "kept")
    (runs / "index.html").symlink_to(runs.parent / "kept")


def no_page(runs: Path) -> None:
    (runs / "index.html").unlink()


def other_latest(runs: Path) -> None:
    (runs / "latest.txt").write_text("r01\n")


def stray_file(runs: Path) -> None:
    (runs / "r04.html").write_text("<p>somebody's")


def forged(runs: Path) -> None:
    (runs / "r04").mkdir()
    (runs / "r04" / "run.json").write_text('{"status": "RUNNING"}')
    (runs / "r04" / "05_verification.html").write_text("<p>all is well")


def forged_ended(runs: Path) -> None:
    forged(runs)
    (runs / "r04" / "run.json").write_text('{"status": "SUCCEEDED"}')


def forged_html(runs: Path) -> None:
    (runs / "r04").mkdir()
    (runs / "r04" / "05_verification.html").write_text("<p>all is well")


def linked_run(runs: Path) -> None:
    (runs / "r02").rename(runs.parent / "r02")
    (runs / "r02").symlink_to(runs.parent / "r02")


def linked_record(runs: Path) -> None:
    (runs / "r03" / "record.json").rename(runs.parent / "kept")
    (runs / "r03" / "record.json").symlink_to(runs.parent / "kept")


def spaced(runs: Path) -> None:
    with (runs / "r03" / "record.json").open("a") as file:
        file.write(" ")


def unsigned_field(runs: Path) -> None:
    path = runs / "r03" / "record.json"
    path.write_text(f"{json.dumps({**json.loads(path.read_text()), 'note': 'evil'}, indent=2)}\n")


def unsigned_word(runs: Path) -> None:
    path = runs / "r03" / "record.json"
    envelope = json.loads(path.read_text())
    envelope["signatures"][0]["by"] = "somebody"
    path.write_text(f"{json.dumps(envelope, indent=2)}\n")


def case_changed(runs: Path) -> None:
    (runs / "r02").rename(runs / "R02")


def nested(runs: Path) -> None:
    (runs / "lab").mkdir()
    (runs / "r02").rename(runs / "lab" / "r02")


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
    with restated(runs / "r02") as statement:
        statement["predicate"]["run"]["status"] = "FAILED"


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
    swapped_runs: ("r01: was recorded as lab/r02", "r02: was recorded as lab/r01"),
    payload_changed: (
        "r02/record.json: was not signed by any",
        "r02/record.json: is not the record 2",
    ),
    unsigned: ("r02/record.json was changed", "record 2 (r02), which r03 follows"),
    no_record: (
        "r02: UNRECORDED: has no record.json",
        "record 2 (r02), which r03 follows, is missing",
    ),
    broken: ("r02/record.json is not a record", "record 2 (r02), which r03 follows"),
    empty_directory: ("r02/below: was added",),
    pipe: (f"r02/{PAGE}: is not a plain file",),
    endless: (f"r02/{PAGE}: is larger than any file of a run",),
    other_page: ("index.html: is not the page",),
    linked_page: ("index.html: UNRECORDED", "index.html: is not a plain file"),
    no_page: ("index.html: is missing",),
    other_latest: ("latest.txt: does not name the newest run",),
    stray_file: ("r04.html: UNRECORDED",),
    forged: ("r04: LOST",),
    forged_ended: ("r04: UNRECORDED",),
    forged_html: ("r04: UNRECORDED",),
    linked_run: ("r02: UNRECORDED", "record 2 (r02), which r03 follows"),
    linked_record: ("record.json: UNRECORDED", "record 3 (", "index.html: is not the page"),
    spaced: ("r03/record.json was changed", "record 3 (", "index.html: is not the page"),
    unsigned_field: ("r03/record.json was changed", "record 3 (", "index.html: is not the page"),
    unsigned_word: ("r03/record.json was changed", "record 3 (", "index.html: is not the page"),
    case_changed: ("R02: was recorded as lab/r02",),
    nested: ("lab/lab/r02: is in a directory named after its site, inside another such directory",),
    middle_gone: ("record 2 (r02), which r03 follows, is missing",),
    first_gone: ("record 1 (r01), which r02 follows, is missing",),
    last_gone: ("r03), the newest one made here, is missing", "index.html: is not the page"),
    all_gone: ("site lab: record 3 (",),
    copied: ("was recorded as lab/r02", "is record 2, as is"),
}


@pytest.mark.parametrize(
    ("tamper", "reported"), TAMPERED.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_it_is_found_and_its_place_is_named(
    tamper: Callable[[Path], None], reported: tuple[str, ...], runs: Path
) -> None:
    tamper(runs)
    found = problems(runs)
    assert len(found) == len(reported), found
    for text in reported:
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


def test_a_record_of_another_key_is_reported(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    shutil.move(key_path(None), other)
    public_path(key_path(None)).unlink()
    load_signer(lab_site())
    assert len(problems(runs)) == len(RUNS)
    load_signer(lab_site().model_copy(update={"record": RecordSection(signing_key=other)}))
    keys = load_public_keys([public_path(other), public_path(key_path(None))])
    assert not verify(standing_in([runs]), keys, noted_heads()[0]).problems


def test_a_run_that_lives_has_no_record_yet(runs: Path) -> None:
    (runs / "r04").mkdir()
    (runs / "r04" / "run.json").write_text('{"status": "RUNNING"}')
    with held(runs / "r04"):
        found = verification(runs)
    assert (found.problems, found.running) == ((), (runs / "r04",))


def test_without_a_note_of_the_newest_the_rest_is_verified(runs: Path) -> None:
    last_gone(runs)
    (runs / "index.html").unlink()
    assert problems(runs, noted=False) == []
    changed(runs)
    assert len(problems(runs, noted=False)) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"number": 3}', '{"path": "x"}'])
def test_a_note_that_cannot_be_read_is_reported(content: str, runs: Path) -> None:
    head_path("lab").write_text(content)
    heads, found = noted_heads()
    assert heads == {}
    assert "does not say which record is the newest" in str(found)
