"""A site as a form: one text for each key, validated as a whole; and the file written from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kuryr_runbook.model.documents import parse_yaml
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import site_problems
from kuryr_runbook.model.site_template import filled
from kuryr_runbook.model.site_values import is_id

Texts = Mapping[str, str]
"""The text in each field, by the path of its key. An empty text means the default."""
DIGITS = 9
"""At most, in whole numbers: Python does not convert thousands of digits."""

IDS = {
    "network.external_network": "network.external_network_id",
    "network.node_subnet": "network.node_subnet_id",
    "network.pod_subnet.name": "network.kuryr_pod_subnet_id",
    "network.pod_security_group": "network.pod_security_group_id",
    "network.service_subnet.name": "network.kuryr_service_subnet_id",
}
"""Keys of names, with the keys of the ids that replace them: the form has one field for both."""
NAMES = {identifier: name for name, identifier in IDS.items()}
CHOICES = {"kuryr.release": tuple(RELEASES)}
"""All possible values of keys whose type does not tell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One key of a site file."""

    path: str
    """With dots."""
    meaning: str
    default: str
    """Empty if there is none, or it depends on something else."""
    choices: tuple[str, ...] = ()
    """All possible values; empty: anything."""
    listed: bool = False
    """Whether it accepts several values, separated by commas."""
    integer: bool = False

    @property
    def section(self) -> str:
        """The first part of the path; empty for a key outside of every section."""
        return self.path.partition(".")[0] if "." in self.path else ""


@cache
def form_fields() -> tuple[FormField, ...]:
    """Every key of a site file, in the order of the model."""
    schema = Site.model_json_schema()
    return tuple(_fields(schema, "", schema["$defs"]))


def _fields(
    section: Mapping[str, Any], prefix: str, definitions: Mapping[str, Any]
) -> Iterator[FormField]:
    for name, key in section["properties"].items():
        path = f"{prefix}{name}"
        kinds = [_resolved(kind, definitions) for kind in key.get("anyOf", [key])]
        [kind] = [kind for kind in kinds if kind.get("type") != "null"]
        if "properties" in kind:
            yield from _fields(kind, f"{path}.", definitions)
            continue
        if path in NAMES:
            continue
        meaning = key.get("description", "")
        yield FormField(
            path=path,
            meaning=f"{meaning} An id may replace the name." if path in IDS else meaning,
            default=_text(key.get("default")),
            choices=CHOICES.get(path) or _choices(kind),
            listed=kind.get("type") == "array",
            integer=kind.get("type") == "integer",
        )


def _choices(kind: Mapping[str, Any]) -> tuple[str, ...]:
    return ("true", "false") if kind.get("type") == "boolean" else tuple(kind.get("enum", ()))


def _resolved(kind: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    name = kind.get("$ref", "").rpartition("/")[2]
    return definitions[name] if name else kind


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(map(str, value))
    return str(value)


def texts_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The texts for the form from a site file's values; unknown keys are left out."""
    found = dict(_leaves(values))
    return {
        field.path: _text(found.get(IDS.get(field.path, "")) or found.get(field.path))
        for field in form_fields()
    }


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def values_of(texts: Texts) -> dict[str, Any]:
    """The values of a site file with these texts: all sections, and their keys with a text."""
    values: dict[str, Any] = {}
    for field in form_fields():
        text = texts.get(field.path, "").strip()
        path = IDS[field.path] if field.path in IDS and is_id(text) else field.path
        *sections, name = path.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        if text:
            place[name] = _value(field, text)
    return values


def _value(field: FormField, text: str) -> object:
    if field.choices == ("true", "false"):
        return {"true": True, "false": False}.get(text, text)
    if field.listed:
        return [part.strip() for part in text.split(",") if part.strip()]
    return int(text) if field.integer and text.isdecimal() and len(text) <= DIGITS else text


def text_problems(texts: Texts) -> dict[str, str]:
    """What is wrong, by the path of the field to fix; empty: a valid site."""
    paths = [field.path for field in form_fields()]
    found: dict[str, str] = {}
    for path, problem in site_problems(values_of(texts)):
        place = _place(path, paths)
        found[place] = f"{found[place]}; {problem}" if place in found else problem
    return found


def _place(path: str, known: Iterable[str]) -> str:
    """The field of a problem: the one with that path, or the nearest above or below it."""
    near = [field for field in known if _is_near(field, NAMES.get(path, path))]
    return max(near, key=len) if near else next(iter(known))


def _is_near(field: str, path: str) -> bool:
    return field == path or path.startswith(f"{field}.") or field.startswith(f"{path}.")


def rendered_site(texts: Texts, template: str) -> str:
    """The text of a site file: the commented template with these values.

    A key that is commented out in the template stays so, unless there is a text for it.
    """
    used = dict(_leaves(parse_yaml(template, "the template")))
    chosen = dict(_leaves(values_of(texts)))
    defaults = {
        field.path: _value(field, field.default) if field.default else None
        for field in form_fields()
    }
    values = {path: defaults.get(path) for path in used} | chosen
    return filled(template, values)
