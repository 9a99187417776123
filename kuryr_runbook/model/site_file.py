"""From the text of a site file, or a notebook's parameters, to a site; all problems at once."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_values import ConflictError

SECTIONS: tuple[str, ...] = tuple(name for name in Site.model_fields if name != "record")
"""The keys of a site file that are the parameters of every notebook: how runs are recorded is no
matter of theirs."""

REMEDY = "mend the site file; parameters/ holds commented examples and schema.json"


def parse_site(text: str, source: str) -> Site:
    """The site that a YAML text describes.

    `source` names the text in messages. Raises SiteError with every problem, each with the path of
    the value and its line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SiteError(f"{source} is not YAML: {error}", remedy=REMEDY) from error
    if not isinstance(values, dict):
        raise SiteError(f"{source} holds no sections", remedy=REMEDY)
    return _validated(values, source, dict(_lines(root)))


def site_from_parameters(values: Mapping[str, Any]) -> Site:
    """The site that a notebook's parameters describe.

    Raises SiteError; when no parameter was given at all, it says how to choose a site.
    """
    if not any(values.values()):
        raise SiteError(
            "no site was chosen",
            remedy="papermill: -f parameters/<site>.yaml; JupyterLab: choose one in start.ipynb, "
            "set KURYR_RUNBOOK_SITE to the path of a site file, or put the sections into the "
            "parameters cell",
        )
    return _validated({key: value for key, value in values.items() if value}, "parameters", {})


def site_digest(site: Site) -> str:
    """SHA-256 of a site's parameters: tells whether two files describe the same cluster."""
    return hashlib.sha256(site.model_dump_json(exclude={"record"}).encode()).hexdigest()


def site_problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What keeps these values from being a site: pairs of the path of a value and its problem."""
    try:
        Site.model_validate(values)
    except ValidationError as error:
        return [found for details in error.errors() for found in _problems(details)]
    return []


def _validated(values: Mapping[str, Any], source: str, lines: Mapping[str, int]) -> Site:
    try:
        return Site.model_validate(values)
    except ValidationError as error:
        problems = [
            _placed(path, problem, lines)
            for details in error.errors()
            for path, problem in _problems(details)
        ]
        raise SiteError(
            f"{source}: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            sorted(problems),
            remedy=REMEDY,
        ) from error


def _placed(path: str, problem: str, lines: Mapping[str, int]) -> str:
    where = path
    while where not in lines and "." in where:
        where = where.rpartition(".")[0]
    line = f" (line {lines[where]})" if where in lines else ""
    return f"{path or 'site'}{line}: {problem}"


def _problems(details: ErrorDetails) -> Iterator[tuple[str, str]]:
    """Path and problem of one validation error; a whole-site error may hold several."""
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


def _lines(node: yaml.Node | None, path: str = "") -> Iterator[tuple[str, int]]:
    """The line, from 1, on which the key of each path stands."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = f"{path}.{key.value}" if path else str(key.value)
        yield here, key.start_mark.line + 1
        yield from _lines(value, here)
