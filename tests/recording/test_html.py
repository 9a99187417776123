"""The HTML of an executed notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from worlds.world import World

from kuryr_runbook.display.topology import site_picture
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.recording.html import export_html
from kuryr_runbook.recording.pages.frame import Around
from kuryr_runbook.recording.scanning import find_leaks

AROUND = Around(site="lab", run="r01", in_site=True, before="04_daemon.html")


def test_the_page_is_whole_without_a_network(tmp_path: Path) -> None:
    new: Any = nbformat.v4
    output = new.new_output("stream", name="stdout", text="4 of 4 pods")
    notebook = new.new_notebook(
        cells=[new.new_markdown_cell("# Verify"), new.new_code_cell("check()", outputs=[output])]
    )
    source = tmp_path / "05_verification.ipynb"
    nbformat.write(notebook, source)  # type: ignore[no-untyped-call]
    page = export_html(source, AROUND)
    assert page == tmp_path / "05_verification.html"
    text = page.read_text()
    assert "4 of 4 pods" in text
    assert ">Verify" in text
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", text)
    assert not re.findall(r"""(?:from|import)\s*\(?["']https?://""", text)


def test_a_picture_is_in_the_page_and_is_taken_for_no_secret(tmp_path: Path) -> None:
    new: Any = nbformat.v4
    bundle = site_picture(World(12).read())._repr_mimebundle_()
    output = new.new_output("execute_result", data=bundle, execution_count=1)
    cell = new.new_code_cell("phase.picture()", outputs=[output], execution_count=1)
    source = tmp_path / "90_troubleshooting.ipynb"
    nbformat.write(new.new_notebook(cells=[cell]), source)  # type: ignore[no-untyped-call]
    text = export_html(source, AROUND).read_text()
    # The exporter writes tags its own way.
    assert re.search(r'<svg [^>]*class="kt"', text)
    assert text.count("</svg>") == bundle["text/html"].count("</svg>") == 1
    for said in (">web-11</text>", "<style>\n.kt{", "└─ router k8s-router"):
        assert said in text
    assert list(find_leaks(tmp_path, KnownSecrets())) == []
