"""What the documentation's site takes from the code: a hook of mkdocs.

`kuryr_runbook/display/documentation.py` generates most of it, for the site and for the terminal.
Each notebook is a page of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from kuryr_runbook.display import documentation
from kuryr_runbook.display.releases import hazards_view, release_view, releases_view, ways_view
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.schema import render_schema

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAV_OF_PHASES = "Phases"


def on_config(config: MkDocsConfig) -> None:
    """Add the notebooks' pages to the navigation."""
    [section] = [entry[NAV_OF_PHASES] for entry in config.nav or [] if NAV_OF_PHASES in entry]
    section.extend(_page(notebook) for notebook in _notebooks())


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the notebooks' pages, and the schema of site files."""
    made = {_page(notebook): notebook_page(notebook) for notebook in _notebooks()}
    made["reference/schema.json"] = render_schema()
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put what the code says in place of the marks."""
    return documentation.MARK.sub(lambda mark: "\n\n".join(PARTS[mark[1]]()), markdown)


def _notebooks() -> list[Path]:
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def _page(notebook: Path) -> str:
    return f"phases/{notebook.stem}.md"


def notebook_page(notebook: Path) -> str:
    """The prose of a notebook, with its calls."""
    cells = [
        (cell["cell_type"], "".join(cell["source"]))
        for cell in json.loads(notebook.read_text())["cells"]
    ]
    return "\n\n".join(
        f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells
    )


def releases() -> Iterator[str]:
    """The catalogue as `kuryr-runbook releases` shows it: all, then one after the other."""
    yield releases_view(RELEASES.values()).html
    for name, release in RELEASES.items():
        yield f"## {name}"
        yield release_view(release).html
        yield hazards_view(release).html
        yield ways_view(release).html


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    **documentation.PARTS,
    "releases": releases,
}
