"""The documentation's pages as Markdown, with the parts of them that the code knows.

A line `<!-- generated: NAME -->` stands for what the function of that name in PARTS returns, and
`--8<-- "FILE"` for that file, as in mkdocs, which builds a site from the same pages.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kuryr_runbook.clients.files import read_text
from kuryr_runbook.display.terminal import Span
from kuryr_runbook.model import errors as errors_module
from kuryr_runbook.model.drivers import TRAITS, VifDriver
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.releases.proofs import PROOFS
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.support import provider_objections

Schema = Mapping[str, Any]
"""A JSON schema, or a part of one."""

MARK = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)
SNIPPET = re.compile(r'^--8<-- "([^":]+)"$', re.MULTILINE)
BLOCK = re.compile(r"^::: .*\n(?: +.*\n?)*", re.MULTILINE)
"""What only mkdocs can insert: the help of all commands, which `--help` shows, too."""
ATTRIBUTES = re.compile(r" \{ #[\w-]+ \}$", re.MULTILINE)
FORMATS = {"path": "path of a file", "ipv4": "IPv4 address", "ipv4network": "IPv4 range"}
TYPES = {"string": "text", "integer": "number", "boolean": "true or false", "object": "section"}
WIDEST = 100
"""Columns of prose: longer lines are hard to read."""
FOR_THE_SITE = ("changelog", "index", "releases")
"""Pages with what commands and notebooks show, arranged for the documentation's site."""


def pages() -> dict[str, str]:
    """The name and the title of each page that `kuryr-runbook docs NAME` shows."""
    found = {path.stem: path for path in sorted(packaged("docs").rglob("*.md"))}
    return {
        name: read_text(path, "a page of the documentation").partition("\n")[0].removeprefix("# ")
        for name, path in found.items()
        if name not in FOR_THE_SITE
    }


def page(name: str) -> str:
    """The Markdown of a page, with everything that mkdocs would insert."""
    [path] = packaged("docs").rglob(f"{name}.md")
    text = SNIPPET.sub(_snippet, BLOCK.sub("", read_text(path, "a page of the documentation")))
    return MARK.sub(lambda mark: "\n\n".join(PARTS[mark[1]]()), text)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a terminal shows it; commands stay on one line, so that they can be copied."""

    markdown: str

    def form(self, width: int) -> Iterator[Sequence[Span]]:
        """Its lines; prose is at most WIDEST columns wide."""
        from rich.console import Console, ConsoleOptions
        from rich.markdown import CodeBlock, Markdown
        from rich.segment import Segment
        from rich.theme import Theme

        class Code(CodeBlock):
            def __rich_console__(
                self, console: Console, options: ConsoleOptions
            ) -> Iterator[Segment]:
                for line in str(self.text).rstrip().splitlines():
                    yield Segment(f"    {line}\n")

        class Whole(Markdown):
            elements: ClassVar = Markdown.elements | {"fence": Code, "code_block": Code}

        # The terminal's own background, whatever it is.
        theme = Theme({"markdown.code": "cyan"})
        console = Console(file=io.StringIO(), width=min(width, WIDEST), theme=theme, _environ={})
        text = Whole(ATTRIBUTES.sub("", self.markdown), hyperlinks=False)
        for line in Segment.split_lines(console.render(text)):
            yield [Span(segment.text, segment.style) for segment in line]


def _snippet(found: re.Match[str]) -> str:
    path = packaged("docs").parent / found[1]
    return read_text(path, "a file that the documentation quotes").rstrip()


def site_keys() -> Iterator[str]:
    """Every key of a site file, a table for each section."""
    schema = Site.model_json_schema()
    yield from _section("", schema, schema["$defs"])


def _section(path: str, section: Schema, definitions: Mapping[str, Schema]) -> Iterator[str]:
    """Heading, meaning and keys of a section, then the sections in it."""
    yield f"## {path or 'The whole'} {{ #{_anchor(path)} }}"
    yield section["description"]
    keys = {name: _resolved(key, definitions) for name, key in section["properties"].items()}
    paths = {name: f"{path}.{name}".lstrip(".") for name, key in keys.items() if _is_section(key)}
    rows = [
        (
            f"[`{name}`](#{_anchor(paths[name])})" if name in paths else f"`{name}`",
            type_words(key),
            _default(key, is_required=name in section.get("required", ())),
            key.get("description", ""),
        )
        for name, key in keys.items()
    ]
    yield _table(("key", "is", "default", "meaning"), rows)
    for name, inner in paths.items():
        yield from _section(inner, keys[name], definitions)


def _anchor(path: str) -> str:
    return f"site-{path.replace('.', '-')}".rstrip("-")


def _is_section(key: Schema) -> bool:
    return "properties" in key


def _resolved(key: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The key with what it refers to, and without the null that it may be."""
    [kind] = [option for option in key.get("anyOf", [key]) if option.get("type") != "null"]
    if "$ref" in kind:
        kind = definitions[kind["$ref"].rpartition("/")[2]]
    return {**kind, **key}


def type_words(key: Schema) -> str:
    """What a value has to be, in words."""
    if "enum" in key:
        return " or ".join(f"`{choice}`" for choice in key["enum"])
    if "pattern" in key:
        return f"text like `{key['pattern']}`"
    if "items" in key:
        return f"list of {type_words(key['items'])}"
    words = FORMATS.get(key.get("format", "")) or TYPES[key["type"]]
    if "minimum" in key:
        return f"{words}, {key['minimum']} to {key['maximum']}"
    return words


def _default(key: Schema, *, is_required: bool) -> str:
    if is_required:
        return "**required**"
    if _is_section(key) or key["default"] is None:
        return ""
    return f"`{json.dumps(key['default'])}`"


def drivers() -> Iterator[str]:
    """What each VIF driver asks of Neutron."""
    columns = (
        "VIF driver",
        "group that admits load balancers",
        "pod subnet on the nodes' network",
        "address pairs on the node's port",
        "sets `binding:host_id`",
    )
    rows = [
        (
            driver,
            f"the {traits.admitting_group} group",
            _yes(traits.pods_on_node_network),
            _yes(traits.needs_address_pairs),
            _yes(traits.sends_binding_host),
        )
        for driver, traits in TRAITS.items()
    ]
    yield _table(columns, rows)


def _yes(is_so: bool) -> str:  # noqa: FBT001 - a cell of the table
    return "yes" if is_so else "no"


def proofs() -> Iterator[str]:
    """Which releases were run with which driver and provider, and why others are refused."""
    reasons: dict[str, int] = {}
    rows = [
        (f"{driver}, {provider}", *_proofs(driver, provider, reasons))
        for driver in VifDriver
        for provider in OctaviaProvider
    ]
    yield _table(("driver, provider", "passed (on workers)", "refused (why)", "not run"), rows)
    yield "\n".join(f"{number}. {reason}" for reason, number in reasons.items())


def _proofs(
    driver: VifDriver, provider: OctaviaProvider, reasons: dict[str, int]
) -> tuple[str, str, str]:
    passed = {
        proof.release: f"{proof.release} {proof.passed} (`{proof.workers}`)"
        for proof in PROOFS
        if (proof.driver, proof.provider) == (driver, provider)
    }
    refused: dict[str, str] = {}
    for name, release in RELEASES.items():
        objections = (str(it) for it in provider_objections(release, driver, provider))
        if numbers := [reasons.setdefault(it, len(reasons) + 1) for it in objections]:
            refused[name] = f"{name} ({', '.join(map(str, numbers))})"
    others = (name for name in RELEASES if name not in passed | refused)
    return ", ".join(passed.values()), ", ".join(refused.values()), ", ".join(others)


def errors() -> Iterator[str]:
    """The errors by name, with the exit code of each."""
    rows = [
        (kind.exit_code, f"`{name}`", str(kind.__doc__).partition("\n")[0])
        for name, kind in vars(errors_module).items()
        if isinstance(kind, type) and issubclass(kind, RunbookError) and kind is not RunbookError
    ]
    yield _table(("code", "error", "means"), sorted(rows))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "&#124;")


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "site-keys": site_keys,
    "drivers": drivers,
    "proofs": proofs,
    "errors": errors,
}
