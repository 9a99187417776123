"""The index page of a site's runs, readable offline and by screen readers, and their export."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kuryr_runbook.clients.files import read_bytes
from kuryr_runbook.clients.writing import written
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.visible import visible
from kuryr_runbook.recording.records import Record, whole_run
from kuryr_runbook.recording.standing import INDEX, KEYS

# Colours only repeat what words say.
STYLE = """
:root { color-scheme: light dark; --line: #767676; --bad: #a30000; --good: #0a5c0a; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff9a9a; --good: #8fdc8f; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption, th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; }
th, td { border-bottom: 1px solid var(--line); }
.table { overflow-x: auto; }
.bad { color: var(--bad); font-weight: bold; }
.good { color: var(--good); }
code { overflow-wrap: anywhere; }
"""
GOOD = ("SUCCEEDED", "UNCHANGED", "pass", "skip")
NOT_REACHED = "NOT_REACHED"


def render_index(records: Sequence[Record]) -> str:
    """The page for a site's records, newest first. It links to the runs' directories beside it."""
    newest_first = sorted(records, key=lambda record: -record.number)
    name = newest_first[0].site if newest_first else "no site"
    title = f"Runs of {name}"
    rows = "".join(_row(record) for record in newest_first)
    sections = "".join(_section(record) for record in newest_first)
    heads = _heads("record", "run", "status", "kind", "who", "findings")
    return visible(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n"
        "<p>This page is not part of the records. To verify them, run "
        "<code>kuryr-runbook records verify</code>.</p>\n"
        f'<div class="table" tabindex="0" role="region" aria-label="All runs">'
        f"<table><caption>All runs, newest first</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n"
        f"{sections}</main>\n</body>\n</html>\n"
    )


def _row(record: Record) -> str:
    run, by = record.predicate["run"], record.predicate["by"]
    name = record.directory.name
    kind = "dry run" if run["dry_run"] else run["command"].removeprefix("kuryr-runbook ")
    findings = [item for phase in record.predicate["phases"] for item in _findings(phase)]
    link = f'<a href="#run-{record.number}">{escape(name)}</a>'
    cells = (str(record.number), link, _word(run["status"]), escape(kind))
    who = escape(f"{by['user']} on {by['host']}")
    return _cells(*cells, who, _counted(findings))


def _section(record: Record) -> str:
    predicate = record.predicate
    run, version = predicate["run"], predicate["runbook"]
    commit = f", commit {version['commit']}" if "commit" in version else ""
    facts = (
        f"{run['started']} to {run['ended']}, kuryr-runbook {version['version']}{commit}, "
        f"parameters {predicate['site']['digest']['sha256']}"
    )
    phases = "".join(_phase(record, phase) for phase in predicate["phases"])
    heads = _heads("phase", "status", "seconds", "plan", "findings")
    bad = "".join(_bad(phase) for phase in predicate["phases"])
    return (
        f'<section id="run-{record.number}" aria-labelledby="title-{record.number}">\n'
        f'<h2 id="title-{record.number}">Record {record.number}: '
        f"{escape(record.directory.name)}</h2>\n<p><code>{escape(facts)}</code></p>\n"
        f'<div class="table" tabindex="0" role="region" aria-label="Phases of record '
        f'{record.number}"><table><caption>Phases</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{phases}</tbody></table></div>\n{bad}</section>\n"
    )


def _phase(record: Record, phase: Mapping[str, Any]) -> str:
    page = f"{Path(phase['notebook']).stem}.html"
    name = escape(phase["phase"])
    if page in record.subjects:
        name = f'<a href="{quote(record.directory.name)}/{quote(page)}">{name}</a>'
    counts = phase.get("plan", {}).get("counts", {})
    plan = ", ".join(f"{count} {action}" for action, count in counts.items())
    seconds = phase["seconds"]
    shown = "" if seconds is None else f"{seconds}"
    cells = (name, _word(phase["status"]), shown, escape(plan))
    return _cells(*cells, _counted(list(_findings(phase))))


def _bad(phase: Mapping[str, Any]) -> str:
    """A phase's error, and its findings that did not pass, with what to do."""
    lines = [
        f"{_word(item['status'])} {escape(item['title'])}: {escape(item['evidence'])}"
        + (f"<br>To do: {escape(item['remedy'])}" if item["remedy"] else "")
        for item in _findings(phase)
        if item["status"] not in (Status.PASS, Status.SKIP)
    ]
    if phase["error"]:
        lines.append(f"error: {escape(phase['error'])}")
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<h3>{escape(phase['phase'])}</h3>\n<ul>{items}</ul>\n" if lines else ""


def _findings(phase: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    yield from phase.get("findings", ())


def _counted(findings: list[Mapping[str, str]]) -> str:
    counts = Counter(item["status"] for item in findings)
    return ", ".join(f"{counts[status]} {_word(status)}" for status in Status if counts[status])


def _word(status: str) -> str:
    if status == NOT_REACHED:
        return "not reached"
    kind = "good" if status in GOOD else "bad"
    return f'<span class="{kind}">{escape(status)}</span>'


def _heads(*names: str) -> str:
    return "".join(f'<th scope="col">{name}</th>' for name in names)


def _cells(first: str, *others: str) -> str:
    rest: Iterable[str] = (f"<td>{cell}</td>" for cell in others)
    return f'<tr><th scope="row">{first}</th>{"".join(rest)}</tr>'


def export_records(records: Sequence[Record], keys: Sequence[Path], target: Path) -> None:
    """Write the archive (tar, gzip) of what the records state, and of nothing else.

    Raises UsageError, also when the target is there; RecordError when a file is not as recorded.
    """
    if not records:
        raise UsageError("there is no record to export", remedy="`kuryr-runbook records list`")
    name = records[0].site
    with written(target, new=True) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for record in records:
            for below, content in whole_run(record):
                _add(archive, f"{name}/{record.directory.name}/{below}", content)
        for key in keys:
            _add(archive, f"{name}/{KEYS}/{key.name}", read_bytes(key, "key"))
        _add(archive, f"{name}/{INDEX}", render_index(records).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A plain file without users of this machine, who mean nothing elsewhere."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    archive.addfile(info, io.BytesIO(content))
