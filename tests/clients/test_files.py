"""Reading files: regular ones of bounded size in UTF-8, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds.broken_files import IRREGULAR

from kuryr_runbook.clients.files import MIB, read_bytes, read_json, read_text, read_yaml
from kuryr_runbook.model.errors import FileError


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.timeout(10)
def test_what_is_no_regular_file_is_refused_without_waiting(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    IRREGULAR[kind](path)
    for read in (read_bytes, read_text, read_yaml, read_json):
        with pytest.raises(FileError) as caught:
            read(path, "the file", remedy="name another")
        assert f"the file {path}" in str(caught.value)
        assert str(caught.value).endswith("-> name another")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: ä\n".encode("utf-16"), "is in UTF-16: save it in UTF-8"),
        ("a: 1\nb: ä\n".encode("latin-1"), "line 2: the byte 0xe4 is not UTF-8"),
        (b"a: 1\nb\0: 2\n", "line 2: it contains NUL"),
        (b"a: \xed\xa0\x80", "line 1: the byte 0xed is not UTF-8"),
    ],
)
def test_other_encodings_are_named(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_text(path, "the file")
    assert expected in str(caught.value)


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path, "the file") == {"a": 1, "b": 2}


def test_a_file_that_is_too_large_is_no_site(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2 * MIB)
    with pytest.raises(FileError, match="larger than 1 MiB"):
        read_yaml(path, "the file")
    assert len(read_bytes(path, "the file")) == 2 * MIB


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_text(Path("a\0b"), "the file")
