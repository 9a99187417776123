"""The HTML of an executed notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat

from kuryr_runbook.recording.html import export_html


def test_the_page_is_whole_without_a_network(tmp_path: Path) -> None:
    new: Any = nbformat.v4
    output = new.new_output("stream", name="stdout", text="4 of 4 pods")
    notebook = new.new_notebook(
        cells=[new.new_markdown_cell("# Verify"), new.new_code_cell("check()", outputs=[output])]
    )
    source = tmp_path / "05_verification.ipynb"
    nbformat.write(notebook, source)  # type: ignore[no-untyped-call]
    page = export_html(source)
    assert page == tmp_path / "05_verification.html"
    text = page.read_text()
    assert "4 of 4 pods" in text
    assert ">Verify" in text
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", text)
    assert not re.findall(r"""(?:from|import)\s*\(?["']https?://""", text)
