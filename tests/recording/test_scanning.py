"""The scan of a run's files: every secret is found, and its place is named."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

import pytest

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.secrets import KnownSecrets, Secret
from kuryr_runbook.recording.scanning import find_leaks, refuse_leaks

VALUE = secrets.token_hex(12)
KNOWN = KnownSecrets([Secret(VALUE, "the password")])
ENCODED = base64.b64encode(f"kuryr:{VALUE}".encode()).decode()


def notebook(**cell: object) -> str:
    cells = [{"id": "begin", "cell_type": "markdown", "source": ["a\n", "b"]}, cell]
    return json.dumps({"cells": cells, "metadata": {}}, indent=1)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.ipynb", notebook(id="plan", source=[f"x = '{VALUE}'"]), "cell 2 (plan)"),
        ("a.ipynb", notebook(id="plan", source=[VALUE[:9], VALUE[9:]]), "cell 2 (plan)"),
        (
            "a.ipynb",
            notebook(id="plan", outputs=[{"text": [f"{ENCODED[:9]}\n", ENCODED[9:]]}]),
            "cell 2 (plan)",
        ),
        ("a.ipynb", json.dumps({"cells": [], "metadata": {"a": [VALUE]}}), "metadata.a.0"),
        ("run.json", json.dumps({"phases": [{"error": VALUE}]}), "phases.0.error"),
        ("a.html", f"<p>\n<b>{VALUE}</b>", "line 2"),
        ("a.kernel.log", f"{ENCODED[:9]}\n{ENCODED[9:]}\n", "the file as a whole"),
        ("broken.json", f"{{\n'{VALUE}", "line 2"),
    ],
)
def test_the_place_is_named(name: str, text: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / name).write_text(text)
    (leak,) = find_leaks(tmp_path, KNOWN)
    assert (leak.file, leak.place) == (f"below/{name}", place)
    assert leak.what.startswith("the password")
    with pytest.raises(RecordError) as caught:
        refuse_leaks(tmp_path, KNOWN)
    assert f"below/{name}, {place}: the password" in str(caught.value)
    assert VALUE not in str(caught.value)


def test_the_name_of_a_file_is_looked_at_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / VALUE).touch()
    (leak,) = find_leaks(tmp_path, KNOWN)
    assert VALUE not in str(leak)


def test_bytes_that_are_no_text_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(b"\xff\x00\xfe" + VALUE.encode() + b"\xff")
    assert [leak.file for leak in find_leaks(tmp_path, KNOWN)] == ["core"]


def test_clean_files_are_not_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(notebook(id="plan", source=["1"]))
    refuse_leaks(tmp_path, KNOWN)
