"""The index page of runs, readable offline, without scripts, and by screen readers.

Each run is one line of the page, which says all about it, so the page of one run more is made from
the previous page, and need not read the other runs again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from kuryr_runbook.model.plan import Action, shown
from kuryr_runbook.model.visible import bounded, json_text, one_line, visible
from kuryr_runbook.model.wording import command_of
from kuryr_runbook.recording.comparing import comparable
from kuryr_runbook.recording.pages.frame import Place, anchor, cut, kind_of, page, part, word
from kuryr_runbook.recording.pages.overview import (
    bad_findings,
    changes_of,
    counted,
    phase_href,
)
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.standing import INDEX, OVERVIEW
from kuryr_runbook.recording.statement import Predicate

MOST = 1000
"""Runs on the page; older ones are reached from the last of them, one after the other."""
PHASES, FINDINGS = 12, 4
"""How many of a run are in its row; its own page has the rest."""
LETTERS = 120
COLUMNS = ("run", "status", "when (UTC)", "phases", "changes", "findings", "who and how")
TOOLS = (
    '<div class="tools" id="tools" role="search" hidden>\n'
    '<label>Search<input type="search" id="search" placeholder="any text of a run"></label>\n'
    '<label>Site<select id="site"><option value="">all</option></select></label>\n'
    '<label>Kind<select id="kind"><option value="">all</option></select></label>\n'
    '<label>Phase<select id="phase"><option value="">all</option></select></label>\n'
    '<label>Status<select id="status"><option value="">all</option></select></label>\n'
    '<label>Finding<select id="finding"><option value="">all</option></select></label>\n'
    '<label>From<input type="date" id="from"></label>\n'
    '<label>To<input type="date" id="to"></label>\n'
    '<button type="button" id="compare" disabled>Compare two runs</button>\n'
    '<span id="shown" role="status"></span><span id="hint" role="status"></span>\n</div>\n'
)
FORM = '<tbody data-form="1">'
"""Marks pages whose rows are as `row` makes them; to be counted up with any change to it."""
ROW = '<tr id="run-'
ABOVE = (Place("All sites", f"../{INDEX}"),)
RECORDED = re.compile(r'data-recorded="([^"]*)"')
NUMBERED = re.compile(r'data-path="([^"]*)" data-number="(\d*)"')
OLDER = re.compile(r'<p class="note" id="older">(\d+) older runs')


def render_index(records: Iterable[Record], *, among_sites: bool = False) -> str:
    """The page for a site's runs, the last recorded first, with links to their directories.

    `among_sites` is whether the page of all sites is above it.
    """
    newest_first = sorted(records, key=lambda record: record.order, reverse=True)
    site = newest_first[0].site if newest_first else "no site"
    above = ABOVE if among_sites else ()
    return _page(f"Runs of {site}", [row(record) for record in newest_first], above)


def render_all(sites: Mapping[str, Iterable[str]]) -> str:
    """The page above those of several sites: the rows of all of them, by the sites' directories.

    A row's links and addresses begin at its site's page, and are only ever in these attributes.
    """
    rows = [
        line.replace('href="', f'href="{quote(site)}/')
        .replace('data-path="', f'data-path="{quote(site)}/')
        .replace(ROW, f"{ROW}{quote(site)}-")
        for site, lines in sites.items()
        for line in lines
    ]
    places = [Place(f"Runs of {site}", f"{quote(site)}/{INDEX}") for site in sites]
    return _page("Runs of all sites", sorted(rows, key=_order, reverse=True), places)


def _order(line: str) -> tuple[str, int]:
    """A row's place in the page, as that of its record: `Record.order`."""
    recorded, number = RECORDED.search(line), NUMBERED.search(line)
    return recorded[1] if recorded else "", int(number[2] or 0) if number else 0


@dataclass(frozen=True, slots=True)
class Listed:
    """What a page lists."""

    rows: Mapping[str, str]
    """Each run's row by the name of its directory, the last recorded first."""
    numbers: Mapping[str, int]
    """The numbers of those that are links of the chain."""
    older: int
    """How many older runs were left out."""

    def among(self, runs: Collection[str]) -> Listed:
        """Without the rows of runs that are there no more: nothing keeps a dry run's directory."""
        return replace(self, rows={name: line for name, line in self.rows.items() if name in runs})

    def missing(self, runs: Iterable[str]) -> list[str]:
        """Those of the runs that have no row, and are not older than all that have one."""
        oldest = min(self.rows, default="") if self.older else ""
        return sorted(name for name in runs if name not in self.rows and name > oldest)


def listed_in(text: str) -> Listed | None:
    """The rows of a page that this runbook made; None if another one did."""
    if FORM not in text:
        return None
    rows, numbers = {}, {}
    for line in text.splitlines():
        if line.startswith(ROW) and (found := NUMBERED.search(line)):
            name = unquote(found[1])
            rows[name] = line
            if found[2]:
                numbers[name] = int(found[2])
    older = OLDER.search(text)
    return Listed(rows, numbers, int(older[1]) if older else 0)


def extended_index(
    site: str, listed: Listed, records: Iterable[Record], *, among_sites: bool = False
) -> str:
    """The page with more runs than those that are listed."""
    rows = [*map(row, records), *listed.rows.values()]
    above = ABOVE if among_sites else ()
    return _page(f"Runs of {site}", sorted(rows, key=_order, reverse=True), above, listed.older)


def _page(title: str, rows: Sequence[str], places: Iterable[Place], older: int = 0) -> str:
    older += max(len(rows) - MOST, 0)
    more = f'<p class="note" id="older">{older} older runs are not in this list.</p>\n'
    heads = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    lines = "\n".join(rows[:MOST])
    body = (
        "<p>This page is not part of the records. To verify them, run "
        f"<code>kuryr-runbook records verify</code>.</p>\n{TOOLS}"
        '<div class="table" tabindex="0" role="region" aria-label="All runs">'
        '<table class="cards" id="runs"><caption>All runs, the last recorded first</caption>'
        f"<thead><tr>{heads}</tr></thead>{FORM}\n{lines}\n</tbody></table></div>\n"
        f'{more if older else ""}<section id="compared" aria-live="polite"></section>\n'
    )
    return page(title, places, body, part("records.js"))


def row(record: Record) -> str:
    """A run as one line of the page."""
    predicate, name = record.predicate, record.directory.name
    run, phases = predicate["run"], predicate["phases"][:PHASES]
    states = " ".join(f"{phase['phase']}:{phase['status']}" for phase in phases)
    found = [item for phase in predicate["phases"] for item in phase.get("findings", ())]
    data = {
        "run": name,
        "path": quote(name),
        "number": "" if record.number is None else record.number,
        "site": record.site,
        "status": run["status"],
        "kind": kind_of_run(predicate),
        "started": run["started"],
        "recorded": record.order[0],
        "phases": states,
        "findings": " ".join(dict.fromkeys(str(item["status"]) for item in found)),
    }
    given = " ".join(f'data-{key}="{cut(one_line(str(it)), 800)}"' for key, it in data.items())
    columns = zip(COLUMNS[1:], _cells(record, phases, found), strict=True)
    cells = "".join(
        f'<td data-name="{escape(column)}">{cell}</td>' if cell else "<td></td>"
        for column, cell in columns
    )
    line = f'<tr id="{anchor(name)}" {given}><th scope="row">{_title(record)}</th>{cells}</tr>'
    return visible(line).replace("\n", " ")


def kind_of_run(predicate: Predicate) -> str:
    """Dry run, or the name of the command."""
    run = predicate["run"]
    command = str(run["command"]).removeprefix("kuryr-runbook ")
    return f"{command}, dry run" if run["dry_run"] else command


def _title(record: Record) -> str:
    name = cut(one_line(record.directory.name), LETTERS)
    link = f"record {record.number}" if record.number else "dry run"
    number = f'<br><span class="note">{link} of {cut(one_line(record.site), LETTERS)}</span>'
    if OVERVIEW not in record.subjects:
        return f"{name}{number}"
    return f'<a class="nowrap" href="{quote(record.directory.name)}/{OVERVIEW}">{name}</a>{number}'


def _cells(
    record: Record, phases: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    predicate = record.predicate
    run, by = predicate["run"], predicate["by"]
    yield word(run["status"])
    began, ended = (one_line(str(run[key]))[:19] for key in ("started", "ended"))
    yield f"{escape(began.replace('T', ' '))} to {escape(ended[11:])}"
    yield f'<ul class="flow">{"".join(_phase(record, phase) for phase in phases)}</ul>'
    yield _changed(predicate)
    wrong = [item for phase in predicate["phases"] for item in bad_findings(phase)]
    names = [*dict.fromkeys(map(_named, wrong))]
    named = "".join(f"<li>{name}</li>" for name in names[:FINDINGS])
    yield counted(found) + (f'<ul class="plain">{named}</ul>' if named else "")
    who = cut(one_line(f"{by['user']} on {by['host']}"), LETTERS)
    dry = " (dry run)" if run["dry_run"] and "arguments" not in run else ""
    command = one_line(command_of(run)).removeprefix("kuryr-runbook ")
    yield f"{who}<br><code>{cut(command, 2 * LETTERS)}</code>{dry}"


def _phase(record: Record, phase: Mapping[str, Any]) -> str:
    status, name = phase["status"], phase["phase"][:LETTERS]
    said = word(status, name if kind_of(status) == "good" else f"{name} {status}")
    href = phase_href(phase, record.subjects)
    if href is None:
        return f"<li>{said}</li>"
    return f'<li><a href="{quote(record.directory.name)}/{href}">{said}</a></li>'


def _changed(predicate: Predicate) -> str:
    made = [change for phase in predicate["phases"] for change in changes_of(phase)]
    counts = Counter(str(change["action"]) for change in made)
    text = ", ".join(f"{counts[action]} {action}" for action in Action if counts[action])
    return f"{'would: ' if text and predicate['run']['dry_run'] else ''}{escape(text)}"


def _named(finding: Mapping[str, Any]) -> str:
    subject = f": {finding['subject']}" if finding.get("subject") else ""
    text = one_line(f"{finding['title']}{subject}")
    return word(finding["status"], bounded(text, LETTERS))


def comparison_data(predicate: Predicate) -> str:
    """What the index page compares of a run, as the script that it loads from the run."""
    values = {
        subject: {name: visible(shown(value)) for name, value in items.items()}
        for subject, items in comparable(predicate).items()
    }
    return f"kuryrRun({json_text(values)});\n"
