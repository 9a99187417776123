"""Tables: text of at most 80 columns for terminals, HTML for notebooks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from kuryr_runbook.display.frontend import in_notebook
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.visible import CELL_LETTERS, bounded, visible

WIDTH = 80
"""Columns of the text form: the least that terminals have."""

DATA_TYPE = "application/vnd.kuryr-runbook+json"
"""The media type of the machine-readable part of a cell's result in a notebook."""

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class View:
    """Something to show, in two forms with the same content."""

    text: str
    """Plain lines of at most 80 columns, without a trailing line break."""
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for machines, as JSON values; empty when there is nothing for them."""

    def __post_init__(self) -> None:
        # Wherever the texts come from, neither form can control a terminal or hide anything.
        object.__setattr__(self, "text", visible(self.text))
        object.__setattr__(self, "html", visible(self.html))

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What Jupyter calls on the value of a cell's last expression."""
        bundle: dict[str, Any] = {"text/plain": self.text, "text/html": self.html}
        return bundle | {DATA_TYPE: self.data} if self.data else bundle

    def show(self) -> None:
        """Display it now: as rich output in a notebook, as text elsewhere."""
        if in_notebook():
            from IPython.display import display

            display(self)  # type: ignore[no-untyped-call]
        else:
            echo(self.text)


@dataclass(frozen=True, slots=True)
class Folded:
    """A cell that shows a summary and, in HTML, details when it is opened."""

    text: str
    """The whole content, for the text form."""
    summary: str
    details: str
    """HTML, already escaped."""
    is_open: bool = False
    anchor: str = ""
    """The id that links to it use."""

    def __str__(self) -> str:
        return self.text


def table(title: str, columns: Sequence[str], rows: Iterable[Row], note: str = "") -> View:
    """A titled table; `note` is a line below it. Cells may hold several lines."""
    cells = [list(row) for row in rows]
    texts = [[visible(bounded(str(value), CELL_LETTERS)) for value in row] for row in cells]
    return View(_text(title, columns, texts, note), html_table(title, columns, cells, note))


def _text(title: str, columns: Sequence[str], rows: list[list[str]], note: str) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # The terminal and the environment must not affect the text: it is compared and archived.
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=WIDTH,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        _environ={},
    )
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        grid.add_column(Text(visible(name)), overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    console.print(Text(visible(title)), Text(""), sep="\n")
    console.print(grid)
    if note:
        console.print(Text(""), Text(visible(note)), sep="\n")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


# No colours of our own: the notebook's theme, dark or light, sets them.
STYLE = "text-align: left; vertical-align: top; white-space: pre-line"
CELL = f'style="{STYLE}; overflow-wrap: break-word"'
LAST = f'style="{STYLE}; overflow-wrap: anywhere; min-width: 14em"'
"""The last column has prose and long values: it is narrowed first."""


def html_table(title: str, columns: Sequence[str], rows: Iterable[Row], note: str = "") -> str:
    """The HTML of a table, which scrolls on its own if it is too wide."""
    styles = [CELL] * (len(columns) - 1) + [LAST]
    head = "".join(
        f'<th scope="col" {style}>{escape(name)}</th>'
        for style, name in zip(styles, columns, strict=True)
    )
    body = "".join(f"<tr>{''.join(_cells(row, styles))}</tr>" for row in rows)
    caption = f'<caption style="text-align: left; font-weight: bold">{escape(title)}</caption>'
    below = f"<p>{escape(note)}</p>" if note else ""
    return (
        f'<div style="overflow-x: auto" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{below}"
    )


def _cells(row: Row, styles: Sequence[str]) -> Iterator[str]:
    for value, style in zip(row, styles, strict=True):
        yield f"<td {style}>{_html_cell(value)}</td>"


def _html_cell(value: object) -> str:
    if not isinstance(value, Folded):
        return escape(bounded(str(value), CELL_LETTERS))
    anchor = f' id="{escape(value.anchor)}"' if value.anchor else ""
    opened = " open" if value.is_open else ""
    summary = (
        f'<summary style="cursor: pointer">{escape(bounded(value.summary, CELL_LETTERS))}</summary>'
    )
    return f"<details{anchor}{opened}>{summary}{value.details}</details>"
