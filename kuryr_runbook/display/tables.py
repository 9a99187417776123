"""Tables and other views: text as wide as where it is shown, and HTML for notebooks."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from kuryr_runbook.display.frontend import in_notebook
from kuryr_runbook.display.layout import column_widths
from kuryr_runbook.display.terminal import FIXED_WIDTH, Span, echo
from kuryr_runbook.model.visible import CELL_LETTERS, bounded, visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

INDENT = 4
"""Columns to the left of what is below a row."""

DATA_TYPE = "application/vnd.kuryr-runbook+json"
"""The media type of the machine-readable part of a cell's result in a notebook."""

Row = Sequence[object]
Line = Sequence[Span]
Form = Callable[[int], Iterable[Line]]
"""How something becomes lines of text for that many columns."""


@dataclass(frozen=True, slots=True)
class View:
    """Something to show, in two forms with the same content."""

    form: Form
    """The text form: made for the width of the terminal that shows it."""
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for machines, as JSON values; empty when there is nothing for them."""

    def __post_init__(self) -> None:
        # Wherever the texts come from, no form can control a terminal or hide anything. That of
        # the text is made visible where it is drawn: below, or by the terminal.
        object.__setattr__(self, "html", visible(self.html))

    @property
    def text(self) -> str:
        """The text form for records and pipes: 80 columns, no colour, no final line break."""
        lines = ("".join(span.text for span in line).rstrip() for line in self.form(FIXED_WIDTH))
        return visible("\n".join(lines))

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
            echo(self)


def plain(lines: Callable[[int], Iterable[str]]) -> Form:
    """The form of something that makes its own lines, and has no colours."""
    return lambda width: ([Span(line)] for line in lines(width))


def sentence(text: str) -> View:
    """One line of prose, wrapped at words."""
    return View(
        plain(lambda width: wrap(visible(text), width, break_on_hyphens=False)),
        f"<p>{escape(text)}</p>",
    )


def stacked(views: Iterable[View]) -> View:
    """Several views below each other, with an empty line in between; without their data."""
    all_of_them = tuple(views)

    def form(width: int) -> Iterator[Line]:
        for position, view in enumerate(all_of_them):
            if position:
                yield [Span("")]
            yield from view.form(width)

    return View(form, "".join(view.html for view in all_of_them))


@dataclass(frozen=True, slots=True)
class Coloured:
    """A cell whose colour on a terminal repeats what its text says already."""

    text: str
    colour: str
    """One of the terminal's own sixteen, such as `green`, so that it fits the terminal's theme."""

    def __str__(self) -> str:
        return self.text


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
    below: str = ""
    """Lines of the text form that need the whole width: they are shown below the row."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Linked:
    """A cell that is, in HTML, a link."""

    text: str
    href: str

    def __str__(self) -> str:
        return self.text


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    note: str = "",
    *,
    prose: Collection[str] | None = None,
) -> View:
    """A titled table; `note` is a line below it. Cells may hold several lines.

    `prose` names the columns with sentences, by default the last one. They wrap at words, so that
    names and ids in the other columns stay whole where there is room for them.
    """
    cells = [list(row) for row in rows]
    texts = [[visible(bounded(str(value), CELL_LETTERS)) for value in row] for row in cells]
    colours = [[getattr(value, "colour", "") for value in row] for row in cells]
    below = ["\n".join(filter(None, (getattr(it, "below", "") for it in row))) for row in cells]
    wrapping = columns[-1:] if prose is None else prose
    grid = _Grid(columns, texts, colours, below, [name in wrapping for name in columns])

    def form(width: int) -> Iterator[Line]:
        yield from _drawn([_text(title, "bold")], width)
        yield [Span("")]
        yield from _drawn(grid.parts(width), width)
        if note:
            yield [Span("")]
            yield from _drawn([_text(note)], width)

    return View(form, html_table(title, columns, cells, note))


@dataclass(frozen=True, slots=True)
class _Grid:
    """The body of a table as text."""

    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    colours: Sequence[Sequence[str]]
    below: Sequence[str]
    is_prose: Sequence[bool]

    def parts(self, width: int) -> Iterator[RenderableType]:
        """Heads and rows in that many columns of a terminal, and what is below single rows."""
        from rich.padding import Padding

        gap = 2  # between two columns of this box
        heads = [visible(name) for name in self.columns]
        widths = column_widths([heads, *self.texts], self.is_prose, width - gap * (len(heads) - 1))
        grid = self._lines_of(widths, heads)
        for texts, colours, below in zip(self.texts, self.colours, self.below, strict=True):
            grid.add_row(*map(_text, texts, colours))
            if below:
                yield grid
                yield Padding(_text(bounded(below, CELL_LETTERS)), (0, 0, 0, INDENT))
                grid = self._lines_of(widths)
        if grid.rows or grid.show_header:
            yield grid

    def _lines_of(self, widths: Sequence[int], heads: Sequence[str] = ()) -> Table:
        """A part of the grid, without rows; with heads if there are any."""
        from rich import box
        from rich.table import Table

        grid = Table(
            box=box.SIMPLE_HEAD,
            collapse_padding=True,
            pad_edge=False,
            show_edge=False,
            show_header=bool(heads),
        )
        for at, room in enumerate(widths):
            grid.add_column(_text(heads[at]) if heads else "", overflow="fold", width=room)
        return grid


def _text(text: str, style: str = "") -> RenderableType:
    from rich.text import Text

    return Text(visible(text), style)


def _drawn(parts: Iterable[RenderableType], width: int) -> Iterator[Line]:
    from rich.console import Console

    # The terminal and the environment must not affect the text: it is compared and archived.
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        _environ={},
    )
    for part in parts:
        for line in console.render_lines(part, pad=False):
            yield [Span(segment.text, segment.style) for segment in line]


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
    if isinstance(value, Linked):
        return f'<a href="{escape(value.href)}">{escape(bounded(value.text, CELL_LETTERS))}</a>'
    if isinstance(value, Coloured):
        return f'<span style="white-space: nowrap">{escape(value.text)}</span>'
    if not isinstance(value, Folded):
        return escape(bounded(str(value), CELL_LETTERS))
    anchor = f' id="{escape(value.anchor)}"' if value.anchor else ""
    opened = " open" if value.is_open else ""
    summary = (
        f'<summary style="cursor: pointer">{escape(bounded(value.summary, CELL_LETTERS))}</summary>'
    )
    return f"<details{anchor}{opened}>{summary}{value.details}</details>"
