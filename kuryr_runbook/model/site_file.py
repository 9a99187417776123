"""From the text of a site file, or a notebook's parameters, to a site; all problems at once."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kuryr_runbook.model.blanks import blanks_of
from kuryr_runbook.model.documents import compose_yaml, mapping
from kuryr_runbook.model.errors import FileError, SiteError
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_values import MEANINGS, ConflictError
from kuryr_runbook.model.visible import bounded
from kuryr_runbook.model.wording import counted

SECTIONS: tuple[str, ...] = tuple(name for name in Site.model_fields if name != "record")
"""The keys of a site file that are the parameters of every notebook: all but how runs are recorded.
"""

REMEDY = "fix the site file; parameters/ has commented examples and schema.json"


def parse_site(text: str, source: str) -> Site:
    """The site that a YAML text describes.

    `source` names the text in messages. Raises SiteError with every problem, each with the path of
    the value and its line.
    """
    try:
        value, root = compose_yaml(text, source)
        values = mapping(value, source)
    except FileError as error:
        raise SiteError(error.message, remedy=REMEDY) from error
    nodes = dict(_nodes(root))
    unclear = {path: problem for path, (_, node) in nodes.items() if (problem := _unclear(node))}
    problems = [*unclear.items()]
    site = _validated(values)
    if not isinstance(site, Site):
        problems += [found for found in site if found[0] not in unclear]
    if problems or not isinstance(site, Site):
        raise _refusal(source, problems, {path: line for path, (line, _) in nodes.items()})
    return site


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A value of a site file that nobody has found out yet."""

    key: str
    """Path in the file, with dots."""
    line: int
    """From 1."""
    how: str
    """How to look it up."""


def drafted_blanks(text: str, source: str) -> tuple[Blank, ...]:
    """The blanks in a site file, in its order; apart from them, it is valid.

    Raises SiteError with every other problem.
    """
    value, root = compose_yaml(text, source)
    lines = {path: line for path, (line, _) in _nodes(root)}
    found = {key: how for key, how in blanks_of(mapping(value, source))}
    others = [it for it in site_problems(mapping(value, source)) if it[0] not in found]
    if others:
        raise _refusal(source, others, lines)
    return tuple(Blank(key=key, line=lines[key], how=how) for key, how in found.items())


def site_from_parameters(values: Mapping[str, Any]) -> Site:
    """The site that a notebook's parameters describe.

    Raises SiteError; if no parameter was given at all, it says how to choose a site.
    """
    if not any(values.values()):
        raise SiteError(
            "no site was chosen",
            remedy="papermill: -f parameters/<site>.yaml; JupyterLab: choose one in start.ipynb, "
            "set KURYR_RUNBOOK_SITE to the path of a site file, or put the sections into the "
            "parameters cell",
        )
    given = {key: value for key, value in values.items() if value}
    site = _validated(given)
    if not isinstance(site, Site):
        raise _refusal("parameters", site, {})
    return site


def site_digest(site: Site) -> str:
    """SHA-256 of a site's parameters; two files with the same one describe the same cluster."""
    return hashlib.sha256(site.model_dump_json(exclude={"record"}).encode()).hexdigest()


def site_problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why these values are not a valid site: pairs of the path of a value and its problem."""
    found = _validated(values)
    return [] if isinstance(found, Site) else found


def _validated(values: Mapping[str, Any]) -> Site | list[tuple[str, str]]:
    """The site, or the problems of the values; that of a blank is only that it is one."""
    site, blanks = _modelled(values), dict(blanks_of(values))
    if not blanks:
        return site
    others = [] if isinstance(site, Site) else [it for it in site if it[0] not in blanks]
    return [*((path, f"is blank: {how}") for path, how in blanks.items()), *others]


def _modelled(values: Mapping[str, Any]) -> Site | list[tuple[str, str]]:
    try:
        return Site.model_validate(values)
    except ValidationError as error:
        return [found for details in error.errors() for found in _problems(details)]
    except UnicodeError:
        # Only in parameters: a file that contains any is refused when it is parsed.
        return [("site", "contains lone surrogates, which are not text")]


def _refusal(
    source: str, problems: Iterable[tuple[str, str]], lines: Mapping[str, int]
) -> SiteError:
    """The error with all problems, in the order in which somebody goes through the file."""
    placed = sorted(_placed(path, problem, lines) for path, problem in problems)
    return SiteError(
        f"{source}: {counted(len(placed), 'problem')}",
        [text for _, text in placed],
        remedy=REMEDY,
    )


def _placed(path: str, problem: str, lines: Mapping[str, int]) -> tuple[int, str]:
    """The line of a problem, 0 if there is none, and its text."""
    where = path
    while where not in lines and "." in where:
        where = where.rpartition(".")[0]
    line = lines.get(where, 0)
    return line, f"{path or 'site'}{f' (line {line})' if line else ''}: {problem}"


def _problems(details: ErrorDetails) -> Iterator[tuple[str, str]]:
    """Path and problem of one validation error; a whole-site error may contain several."""
    path = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "extra_forbidden":
            yield path, _unknown(path)
        case "missing":
            yield path, "is missing"
        case "value_error" if isinstance(details["ctx"]["error"], ConflictError):
            for place, problem in details["ctx"]["error"].problems:
                yield f"{path}.{place}" if path else place, problem
        case "value_error":
            yield path, str(details["ctx"]["error"])
        case "string_pattern_mismatch":
            yield path, f"{details['input']!r} is not {MEANINGS[details['ctx']['pattern']]}"
        case _:
            yield path, f"{details['msg']}, not {details['input']!r}"


def _unknown(path: str) -> str:
    parent, _, key = path.rpartition(".")
    known = list(_keys(parent.split(".") if parent else []))
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        return f"unknown key: did you mean {near[0]}?"
    return f"unknown key: known are {', '.join(known)}"


def _keys(path: Iterable[str]) -> Iterable[str]:
    model: type[BaseModel] = Site
    for part in path:
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return ()
        model = kind
    return tuple(model.model_fields)


def _nodes(node: yaml.Node | None, path: str = "") -> Iterator[tuple[str, tuple[int, yaml.Node]]]:
    """Each value below a node by its path, with the line of its key, from 1."""
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                yield from _node(f"{path}.{key.value}" if path else str(key.value), key, value)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                yield from _node(f"{path}.{index}" if path else str(index), item, item)


def _node(
    path: str, key: yaml.Node, value: yaml.Node
) -> Iterator[tuple[str, tuple[int, yaml.Node]]]:
    yield path, (key.start_mark.line + 1, value)
    yield from _nodes(value, path)


CLEAR = {"str": "(?s:.*)", "null": ".*", "bool": "true|false", "int": "0|-?[1-9][0-9]*"}
"""Scalars of each type that every YAML parser reads as the same value."""


def _unclear(node: yaml.Node) -> str | None:
    """Why a value is ambiguous: `yes`, 1.30, 0x10, 010 or 12:30 without quotes."""
    kind = node.tag.rpartition(":")[2]
    if not isinstance(node, yaml.ScalarNode) or re.fullmatch(CLEAR.get(kind, ""), node.value):
        return None
    value = bounded(node.value, 80)
    return f"YAML reads {value} as type {kind}: write a plain whole number, or put it in quotes"
