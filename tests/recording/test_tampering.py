"""Whatever is done to a directory of runs, in any order, is noticed if it changes anything."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs.recorded import recorded

from kuryr_runbook.recording.expecting import heads_below, noted_heads
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify

OTHER = {"name": "other", "digest": {"sha256": "1" * 64}, "parameters": {}}
NAMES = (
    "r04", "R01", "r01 ", "\uff5201", "r01\u202e", "..html", "-rf", "a\nb", "\x1b[2J", "index.html",
    "latest.txt", "record.json", "run.json", "keys", "notebooks", "lab", "\xe9", "timestamp.json",
    "20261129T080000Z",
)  # fmt: skip
CONTENTS = (b"", b"\n", b"{}", b'{"status": "RUNNING"}', b"<p>evil", b"\0", b"r01\n", b"r03\n")
COUNTED: Counter[str] = Counter()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of two sites in their directories; what a test did to them is undone by `restored`."""
    place = tmp_path_factory.mktemp("tampering")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(place / "state"))
        for name in ("r01", "r02", "r03"):
            recorded(place / "runs" / "lab", name)
        for name in ("r01", "r02"):
            recorded(place / "runs" / "other", name, site=OTHER)
        shutil.copytree(place / "runs", place / "pristine", symlinks=True)
        assert noticed(place / "runs") == []
        yield place / "runs"
    reported = (
        f"tampering noticed: {COUNTED['noticed']} of {COUNTED['changed']} that changed something"
    )
    print(f"\n{reported}")  # noqa: T201


@pytest.fixture
def own_state() -> None:
    """That of `runs`, for all tests of this module."""


def restored(runs: Path) -> None:
    if os.path.lexists(runs):
        shutil.rmtree(runs)
    shutil.copytree(runs.parent / "pristine", runs, symlinks=True)


def fingerprint(runs: Path) -> dict[str, object]:
    """Everything but times, owners and modes."""
    found: dict[str, object] = {}
    for path in runs.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            seen: object = os.readlink(path)
        elif stat.S_ISREG(mode):
            seen = path.lstat().st_size if path.lstat().st_size > 1 << 20 else path.read_bytes()
        else:
            seen = stat.S_IFMT(mode)
        found[str(path.relative_to(runs))] = seen
    return found


def noticed(runs: Path) -> list[str]:
    keys = load_public_keys([public_path(key_path(None))])
    heads = heads_below(noted_heads()[0], [runs])
    return [str(problem) for problem in verify(standing_in([runs]), keys, heads).problems]


# What can be done; each is given a path, another one, a name and a content.


def delete(path: Path, other: Path, name: str, content: bytes) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def overwrite(path: Path, other: Path, name: str, content: bytes) -> None:
    path.write_bytes(content)


def append(path: Path, other: Path, name: str, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def truncate(path: Path, other: Path, name: str, content: bytes) -> None:
    os.truncate(path, path.stat().st_size // 2)


def bloat(path: Path, other: Path, name: str, content: bytes) -> None:
    os.truncate(path, 1 << 41)


def rename(path: Path, other: Path, name: str, content: bytes) -> None:
    path.rename(path.with_name(name))


def move(path: Path, other: Path, name: str, content: bytes) -> None:
    path.rename((other if other.is_dir() else other.parent) / name)


def swap(path: Path, other: Path, name: str, content: bytes) -> None:
    kept = path.parent.parent / "kept"
    path.rename(kept)
    other.rename(path)
    kept.rename(other)


def duplicate(path: Path, other: Path, name: str, content: bytes) -> None:
    _refuse_large(path)
    target = path.with_name(name)
    shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)


def replace(path: Path, other: Path, name: str, content: bytes) -> None:
    _refuse_large(other)
    shutil.copy(other, path)


def _refuse_large(path: Path) -> None:
    """A copy of a file with holes has none."""
    if any(it.lstat().st_size > 1 << 20 for it in (path, *path.rglob("*"))):
        raise OSError


def link(path: Path, other: Path, name: str, content: bytes) -> None:
    path.rename(path.parent / name)
    path.symlink_to(path.parent / name)


def link_away(path: Path, other: Path, name: str, content: bytes) -> None:
    path.unlink()
    path.symlink_to(other)


def hard_link(path: Path, other: Path, name: str, content: bytes) -> None:
    path.unlink()
    os.link(other, path)


def pipe(path: Path, other: Path, name: str, content: bytes) -> None:
    path.unlink()
    os.mkfifo(path)


def add_file(path: Path, other: Path, name: str, content: bytes) -> None:
    with ((path if path.is_dir() else path.parent) / name).open("xb") as file:
        file.write(content)


def add_directory(path: Path, other: Path, name: str, content: bytes) -> None:
    ((path if path.is_dir() else path.parent) / name).mkdir()


def add_run(path: Path, other: Path, name: str, content: bytes) -> None:
    forged = (path if path.is_dir() else path.parent) / name
    forged.mkdir()
    (forged / "run.json").write_bytes(content)
    (forged / "page.html").write_text("<p>all is well")


def add_link(path: Path, other: Path, name: str, content: bytes) -> None:
    ((path if path.is_dir() else path.parent) / name).symlink_to(other)


Operation = Callable[[Path, Path, str, bytes], None]
OPERATIONS: tuple[Operation, ...] = (
    delete, overwrite, append, truncate, bloat, rename, move, swap, duplicate, replace, link,
    link_away, hard_link, pipe, add_file, add_directory, add_run, add_link,
)  # fmt: skip


numbers = st.integers(0, 10_000)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_change_is_noticed(runs: Path, data: st.DataObject) -> None:
    before = fingerprint(runs.parent / "pristine")
    try:
        done = []
        for _ in range(data.draw(st.integers(1, 3))):
            paths = sorted(runs.rglob("*")) or [runs]
            # By number, as what there is to choose from depends on what was done before.
            path, other = (paths[data.draw(numbers) % len(paths)] for _ in range(2))
            operation = data.draw(st.sampled_from(OPERATIONS))
            arguments = data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from(CONTENTS))
            try:
                operation(path, other, *arguments)
            except (OSError, shutil.Error):
                continue  # It cannot be done there.
            done.append(operation.__name__)
        if fingerprint(runs) != before:
            COUNTED["changed"] += 1
            assert noticed(runs), done
            COUNTED["noticed"] += 1
    finally:
        restored(runs)
