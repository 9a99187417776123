"""What all pages share: their style, their navigation, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from urllib.parse import quote

from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.visible import bounded, visible
from kuryr_runbook.recording.accounts import NOT_REACHED
from kuryr_runbook.recording.standing import INDEX, OVERVIEW

GOOD = ("SUCCEEDED", "UNCHANGED", "RAN", "done", "kept", Status.PASS)
MILD = (Status.WARN,)
QUIET = (NOT_REACHED, Status.SKIP)
SIGNS = {"good": "✓", "mild": "!", "bad": "✗", "note": "-"}
VALUE_LETTERS = 2000
"""Limit of a value that a page shows; the record has all of it."""


@cache
def part(name: str) -> str:
    """A style sheet or script that the package has for its pages."""
    return (resources.files("kuryr_runbook") / "share" / "pages" / name).read_text()


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(styles: str, scripts: str = "'none'") -> str:
    """The element that forbids everything else: loading from elsewhere, scripts in texts."""
    content = (
        f"default-src 'none'; style-src {styles}; script-src {scripts}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{content}">'


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the navigation."""

    text: str
    href: str | None
    """None: where the reader is, or there is no such page."""
    is_here: bool = False


def navigation(places: Iterable[Place]) -> str:
    """The links at the top of every page."""
    items = "".join(f"<li>{_place(place)}</li>" for place in places)
    if not items:
        return ""
    return f'<nav class="kr-nav" aria-label="Runs"><ul>{items}</ul></nav>'


def _place(place: Place) -> str:
    if place.is_here:
        return f'<span aria-current="page">{escape(place.text)}</span>'
    if place.href is None:
        return f'<span class="none">{escape(place.text)}</span>'
    return f'<a href="{escape(place.href)}">{escape(place.text)}</a>'


def page(title: str, places: Iterable[Place], body: str, script: str = "") -> str:
    """A whole page; the texts in `body` are already escaped."""
    style = f"\n{part('frame.css')}{part('records.css')}"
    scripts = f"{_hashed(script)} 'strict-dynamic'" if script else "'none'"
    running = f"<script>{script}</script>\n" if script else ""
    return visible(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{policy(_hashed(style), scripts)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"{navigation(places)}\n<main>\n<h1>{escape(title)}</h1>\n{body}</main>\n{running}"
        "</body>\n</html>\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a phase's page has around it, known when it is written: all paths are relative."""

    site: str
    run: str
    """Name of the run's directory."""
    in_site: bool
    """Whether the run's directory is among the site's runs, so that their index is beside it."""
    before: str | None = None
    """The page of the phase before it, if there is one."""
    after: str | None = None


def phase_places(title: str, around: Around) -> list[Place]:
    """The navigation of a phase's page."""
    places = index_places(around.site, around.run, in_site=around.in_site)
    places.append(Place(f"Run {around.run}", OVERVIEW))
    if around.before:
        places.append(Place(f"← {_stem(around.before)}", quote(around.before)))
    places.append(Place(title, None, is_here=True))
    if around.after:
        places.append(Place(f"{_stem(around.after)} →", quote(around.after)))
    return places


def index_places(site: str, run: str, *, in_site: bool) -> list[Place]:
    """The link from a run to its row in the index, beside which are the runs before and after."""
    href = f"../{INDEX}#{anchor(run)}"
    return [Place(f"All runs of {site}", href)] if in_site else []


def _stem(name: str) -> str:
    return name.removesuffix(".html")


def anchor(run: str) -> str:
    """The id of a run's row in the index, as it is in links."""
    return quote(f"run-{run}")


def word(status: str, text: str | None = None) -> str:
    """A status as a sign and a word, or another text in place of the word."""
    kind = kind_of(status)
    said = status.replace("_", " ").lower() if status == NOT_REACHED else status
    return f'<span class="{kind}">{SIGNS[kind]} {escape(said if text is None else text)}</span>'


def kind_of(status: str) -> str:
    """The class of a status: good, mild, bad or note."""
    if status in GOOD:
        return "good"
    return "mild" if status in MILD else "note" if status in QUIET else "bad"


def cut(value: object, letters: int = VALUE_LETTERS) -> str:
    """A value, escaped and of limited length."""
    return escape(bounded(str(value), letters))


def table(
    caption: str, columns: Mapping[str, str], rows: Iterable[Iterable[str]], kind: str = "cards"
) -> str:
    """A table that a phone shows as cards; `columns` are names and classes, cells are HTML."""
    names = list(columns)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{_cells(row, columns)}</tr>" for row in rows)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def _cells(row: Iterable[str], columns: Mapping[str, str]) -> str:
    cells = []
    for number, (cell, (name, kind)) in enumerate(zip(row, columns.items(), strict=True)):
        marked = f' class="{kind}"' if kind else ""
        named = f' data-name="{escape(name)}"' if cell and number else ""
        tag = "td" if number else 'th scope="row"'
        cells.append(f"<{tag}{marked}{named}>{cell}</{tag[:2]}>")
    return "".join(cells)


def folded(summary: str, content: str, *, is_open: bool = False) -> str:
    """Something that is opened on request."""
    opened = " open" if is_open else ""
    return f"<details{opened}><summary>{escape(summary)}</summary>\n{content}</details>\n"
