"""The one home of writing: whole or not at all, never through what somebody planted."""

from __future__ import annotations

import ast
import os
import resource
import secrets
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kuryr_runbook
from kuryr_runbook.clients.writing import (
    make_directory,
    make_link,
    open_lock,
    open_log,
    write_file,
    write_new,
    written,
)
from kuryr_runbook.model.errors import FileError, RecordError

PACKAGE = Path(kuryr_runbook.__file__).parent


def listing(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(params=[0, 0o022, 0o077], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_nothing_is_wider_than_its_owner_whatever_the_umask(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    make_directory(directory)
    write_file(directory / "file", "text")
    write_new(directory / "new", b"bytes")
    with open_log(directory / "log") as log:
        log.write("line\n")
    os.close(open_lock(directory / "lock"))
    assert [mode(path) for path in (directory.parent, directory)] == [0o700, 0o700]
    assert {mode(path) for path in directory.iterdir()} == {0o600}
    write_file(directory / "shared", "", mode=0o644)
    assert mode(directory / "shared") & ~0o644 == 0


def link(path: Path) -> None:
    path.symlink_to(path.parent / "victim")


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "not there")


def loop(path: Path) -> None:
    path.symlink_to(path)


def bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # The name of a socket is short.
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


PLANTED: tuple[Callable[[Path], object], ...] = (
    link, dangling, loop, os.mkfifo, Path.mkdir, bound,
)  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED, ids=lambda it: it.__name__)
@pytest.mark.parametrize("write", [write_file, write_new])
def test_what_somebody_planted_stays_and_is_reported(
    plant: Callable[[Path], object], write: Callable[..., None], tmp_path: Path
) -> None:
    victim, place = tmp_path / "victim", tmp_path / "place"
    victim.write_text("untouched")
    plant(place)
    before, names = place.lstat(), listing(tmp_path)
    with pytest.raises(FileError, match="place"):
        write(place, "evil")
    assert victim.read_text() == "untouched"
    assert listing(tmp_path) == names
    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a device")
def test_not_even_root_replaces_a_device(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device can be made here")
    for write in (write_file, write_new):
        with pytest.raises(FileError):
            write(device, "text")
    with pytest.raises(FileError):
        open_log(device)
    assert stat.S_ISCHR(device.lstat().st_mode)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda it: it.__name__)
def test_logs_and_locks_are_opened_through_nothing_planted(
    plant: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("untouched")
    plant(tmp_path / "place")
    for opening in (open_log, open_lock):
        with pytest.raises(FileError, match="place"):
            opening(tmp_path / "place")
    assert (tmp_path / "victim").read_text() == "untouched"


def test_a_hard_link_keeps_its_old_content_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    os.link(tmp_path / "victim", tmp_path / "place")
    write_file(tmp_path / "place", "new")
    assert (tmp_path / "victim").read_text() == "untouched"
    assert (tmp_path / "place").read_text() == "new"


def test_a_directory_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match="a link or a file is in its place"):
        make_directory(tmp_path / "runs", failure=RecordError)
    assert listing(tmp_path / "elsewhere") == []


def test_an_own_link_is_renewed_and_a_file_in_its_place_stays(tmp_path: Path) -> None:
    make_link(tmp_path / "link", tmp_path / "one")
    make_link(tmp_path / "link", tmp_path / "other")
    assert (tmp_path / "link").readlink() == tmp_path / "other"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileError, match="is a file, not a link"):
        make_link(tmp_path / "file", tmp_path / "one")
    assert (tmp_path / "file").read_text() == "mine"


class StoppedError(Exception):
    pass


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.none() | st.binary(max_size=2000), pieces=st.lists(st.binary(max_size=2000)))
def test_what_is_stopped_anywhere_leaves_what_was_there(
    old: bytes | None, pieces: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / secrets.token_hex(4)
    if old is not None:
        path.write_bytes(old)
    before = listing(tmp_path)
    with pytest.raises(StoppedError), written(path) as file:  # noqa: PT012
        for piece in pieces:
            file.write(piece)
        raise StoppedError
    assert listing(tmp_path) == before
    assert old is None or path.read_bytes() == old
    write_file(path, b"".join(pieces))
    assert path.read_bytes() == b"".join(pieces)
    path.unlink()


FILL = """
import resource, sys
from pathlib import Path
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import FileError
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_file(Path(sys.argv[1]), "x" * 500_000)
except FileError as error:
    print(error)
"""


def fill(path: Path, how: str) -> str:
    command = [sys.executable, "-c", FILL, str(path), how]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_file_that_gets_too_large_leaves_the_old_one_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    told = fill(tmp_path / "file", "limit")
    assert "file cannot be written: File too large" in told
    assert "free some space" in told
    assert (tmp_path / "file").read_text() == "old"
    assert listing(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_one_and_says_why(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (tmp_path / "file").write_text("old")
        assert "No space left on device" in fill(tmp_path / "file", "")
        assert (tmp_path / "file").read_text() == "old"
        assert listing(tmp_path) == ["file"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


# A rule for the whole package: nobody else writes.

HOMES = {"clients/writing.py"}
EXEMPT = ("lab/", "share/")
"""The lab keeps a world of its own; what is shared runs in images and pods."""
METHODS = {
    "write_text", "write_bytes", "touch", "mkdir", "makedirs", "symlink_to", "hardlink_to",
    "symlink", "link", "mkfifo", "mknod", "NamedTemporaryFile", "mkstemp", "mkdtemp", "copy",
    "copy2", "copyfile", "copytree", "copyfileobj", "move", "renames", "truncate",
}  # fmt: skip
OF_MODULES = {"os": {"replace", "rename"}, "nbformat": {"write"}}
READING = {"r", "rb", "rt"}


def writers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that can write a file."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        owner, _, last = name.rpartition(".")
        if last in METHODS and not (last == "copy" and owner not in ("shutil",)):
            yield node.lineno, name
        elif last in OF_MODULES.get(owner, ()):
            yield node.lineno, name
        elif last in ("rename", "replace") and owner and _is_of_path(node):
            yield node.lineno, name
        elif name == "os.open" and _is_writing(ast.unparse(node)):
            yield node.lineno, name
        elif last == "open" and name not in ("os.open", "os.pidfd_open", "tarfile.open"):
            if (
                "os.devnull" not in ast.unparse(node)
                and _mode(node, first=1 if not owner else 0) not in READING
            ):
                yield node.lineno, name


def _is_writing(opening: str) -> bool:
    return ("O_WR" in opening or "O_RDWR" in opening) and "os.devnull" not in opening


def _is_of_path(node: ast.Call) -> bool:
    """Path's takes one argument, str's two, datetime's and dataclasses' names."""
    return len(node.args) == 1 and not node.keywords


def _mode(node: ast.Call, first: int) -> str:
    for keyword in node.keywords:
        if keyword.arg == "mode":
            return _text(keyword.value)
    return _text(node.args[first]) if len(node.args) > first else "r"


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "unknown"


def test_nobody_else_in_the_package_writes_a_file() -> None:
    found = [
        f"{name}:{line}: {call}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if (name := str(path.relative_to(PACKAGE))) not in HOMES and not name.startswith(EXEMPT)
        for line, call in writers(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "open('a', 'w')", "open(p, mode='ab')", "p.open('x')", "p.open(mode)", "p.write_text('')",
        "p.write_bytes(b'')", "os.replace(a, b)", "a.replace(b)", "tempfile.mkstemp()",
        "os.open(p, os.O_RDWR | os.O_CREAT)", "shutil.copy(a, b)", "nbformat.write(n, p)",
        "NamedTemporaryFile()", "p.mkdir()", "p.touch()",
    ],
)  # fmt: skip
def test_the_rule_knows_a_writer(source: str) -> None:
    assert [*writers(ast.parse(source))]


@pytest.mark.parametrize(
    "source",
    [
        "open(p)", "open(p, 'rb')", "p.open()", "p.open(errors='replace')", "text.replace(a, b)",
        "replace(site, name=n)", "os.open(p, os.O_RDONLY)", "values.copy()",
    ],
)  # fmt: skip
def test_the_rule_lets_readers_be(source: str) -> None:
    assert not [*writers(ast.parse(source))]
