"""What the documentation takes from the code: a hook of mkdocs.

A line `<!-- generated: NAME -->` in a page stands for what the function of that name in PARTS
makes, and each notebook is a page of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from kuryr_runbook.display.releases import hazards_view, release_view, releases_view, ways_view
from kuryr_runbook.model import errors as errors_module
from kuryr_runbook.model.drivers import TRAITS
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.schema import render_schema

Schema = Mapping[str, Any]
"""A JSON schema, or a part of one."""

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MARK = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)
NAV_OF_PHASES = "Phases"
FORMATS = {"path": "path of a file", "ipv4": "IPv4 address", "ipv4network": "IPv4 range"}
TYPES = {"string": "text", "integer": "number", "boolean": "true or false", "object": "section"}


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
    return MARK.sub(lambda mark: "\n\n".join(PARTS[mark[1]]()), markdown)


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


def site_keys() -> Iterator[str]:
    """Every key of a site file, a table for each section."""
    schema = json.loads(render_schema())
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


def errors() -> Iterator[str]:
    """The errors by name, with the exit code of each."""
    rows = [
        (kind.exit_code, f"`{name}`", str(kind.__doc__).partition("\n")[0])
        for name, kind in vars(errors_module).items()
        if isinstance(kind, type) and issubclass(kind, RunbookError) and kind is not RunbookError
    ]
    yield _table(("code", "error", "means"), sorted(rows))


def releases() -> Iterator[str]:
    """The catalogue as `kuryr-runbook releases` shows it: all, then one after the other."""
    yield releases_view(RELEASES.values()).html
    for name, release in RELEASES.items():
        yield f"## {name}"
        yield release_view(release).html
        yield hazards_view(release).html
        yield ways_view(release).html


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "&#124;")


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "site-keys": site_keys,
    "drivers": drivers,
    "errors": errors,
    "releases": releases,
}
