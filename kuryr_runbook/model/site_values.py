"""Values in a site file, the rules for each, and how problems of several values are reported."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from kuryr_runbook.model import addressing
from kuryr_runbook.model.blanks import NOT_A_BLANK
from kuryr_runbook.model.paths import expanded
from kuryr_runbook.model.visible import bounded, one_line


def _is_text(value: object) -> object:
    """Refuse YAML's interpretation of an unquoted value: 1.30 would become the number 1.3."""
    if not isinstance(value, str):
        kind = {bool: "true or false", date: "a date", datetime: "a date"}.get(type(value))
        kind = kind or ("a number" if isinstance(value, int | float) else None)
        read = f" ('{value}' was read as {kind})" if kind else ""
        raise ValueError(f"must be text: {f'put it in quotes{read}' if kind else 'it is not'}")
    # Characters that would break out of a line, a message or a file, or that are invisible.
    if (seen := one_line(value)) != value:
        raise ValueError(f"contains tabs or invisible characters: {bounded(seen, 80)}")
    return value


def _is_whole(value: str) -> str:
    """Refuse leading and trailing blanks, which many parsers remove."""
    if value != value.strip():
        raise ValueError(f"begins or ends with a blank: '{value}'")
    return value


def _file(value: object) -> object:
    if isinstance(value, Path):
        return value
    text = _is_whole(str(_is_text(value)))
    if not text or len(text) > PATH_BYTES:
        raise ValueError(f"must be the path of a file, of at most {PATH_BYTES} characters")
    return expanded(text)


def _network(value: object) -> object:
    """Refuse an invalid range, and say what one with host bits should have been."""
    if isinstance(value, IPv4Network):
        return value
    text = str(_is_text(value))
    if ":" in text:
        raise ValueError(f"{bounded(text, 80)} is IPv6: Kuryr is set up for IPv4 here")
    if not re.fullmatch(r"[0-9.]{7,15}/[0-9]{1,2}", text):
        raise ValueError(f"{bounded(text, 80)} is not a range such as 10.1.0.0/24")
    try:
        wider = IPv4Network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{text} is not an IPv4 range: {error}") from error
    if str(wider.network_address) != text.partition("/")[0]:
        raise ValueError(f"{text} has host bits set: did you mean {wider}?")
    if reserved := addressing.reserved(wider):
        raise ValueError(f"{text} cannot be used: {reserved}")
    return wider


def _address(value: object) -> object:
    if isinstance(value, IPv4Address):
        return value
    text = str(_is_text(value))
    if ":" in text:
        raise ValueError(f"{bounded(text, 80)} is IPv6: Kuryr is set up for IPv4 here")
    try:
        address = IPv4Address(text)
    except ValueError as error:
        raise ValueError(f"{bounded(text, 80)} is not an IPv4 address") from error
    if reserved := addressing.reserved(IPv4Network(address)):
        raise ValueError(f"{text} cannot be used: {reserved}")
    return address


def _has_port(value: str) -> str:
    """Refuse an invalid port of the host in a URL or in an image's name."""
    host, slash, _ = value.rpartition("://")[2].partition("/")
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host else ""
    # Without a slash an image's name ends with its tag.
    if port.isdecimal() and (slash or "://" in value) and not 0 < int(port) < 65536:
        raise ValueError(f"there is no port {port}: it is 1 to 65535")
    return value


PATH_BYTES = 4096
"""Linux' PATH_MAX."""
NAME_LETTERS = 255
"""Longest name that Neutron, Octavia and Keystone accept."""

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = (
    r"(localhost|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
)
# Grammar of the distribution project, reference/reference.go, which the engines share.
_IMAGE_PATH = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
_TAG = r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
_ID = r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"
# Kubernetes' grammar of names with dots, and of labels' and taints' keys and values.
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL_VALUE = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"({_SUBDOMAIN}/)?{_LABEL_VALUE}"


MEANINGS: dict[str, str] = {}
"""Pattern to what it requires, in words."""


def _matching(pattern: str, meaning: str, **more: Any) -> Any:
    MEANINGS[f"^{pattern}$"] = meaning
    return Field(pattern=f"^{pattern}$", **more)


_TEXT = BeforeValidator(_is_text)
_PORT = AfterValidator(_has_port)

# The constraint comes before the functions, so that it is in the schema for editors.
Text = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LETTERS, json_schema_extra=NOT_A_BLANK),
    AfterValidator(_is_whole),
    _TEXT,
]
Label = Annotated[
    str,
    _matching(_DNS_LABEL, "a DNS label: a-z, 0-9 and -, at most 63 characters"),
    _TEXT,
]
# Linux' IFNAMSIZ and dev_valid_name, without characters that are special in files or shells.
Interface = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}",
        "the name of an interface: letters, digits, and _.- after the first, at most 15 characters",
    ),
    _TEXT,
]
_FILLED = Field(json_schema_extra=NOT_A_BLANK)
Network = Annotated[IPv4Network, BeforeValidator(_network), _FILLED]
Address = Annotated[IPv4Address, BeforeValidator(_address), _FILLED]
File = Annotated[Path, BeforeValidator(_file), _FILLED]
Id = Annotated[str, _matching(_ID, "an OpenStack id: 32 digits 0-9 and a-f"), _TEXT]
# Neutron accepts 60 characters; kuryr.conf separates tags by commas, and URLs contain them.
Tag = Annotated[
    str,
    _matching("[A-Za-z0-9_.:=-]{1,60}", "a tag: letters, digits and _.:=-, at most 60 characters"),
    _TEXT,
]
Repository = Annotated[
    str,
    _matching(
        f"{_HOST}/{_IMAGE_PATH}",
        "registry and repository, without a tag: registry.example.org/kuryr/kuryr",
        max_length=255,
    ),
    _PORT,
    _TEXT,
]
Image = Annotated[
    str,
    _matching(
        f"({_HOST}/)?{_IMAGE_PATH}{_TAG}",
        "the name of an image, such as docker.io/library/debian:bookworm-slim",
        max_length=500,
    ),
    _PORT,
    _TEXT,
]
Url = Annotated[
    str,
    _matching(f"https?://{_HOST}(/[A-Za-z0-9._~/-]*)?", "a URL such as https://172.18.0.10:6443"),
    _PORT,
    _TEXT,
]
# What Python's requests compares hosts with: an end of a name, an address, or a range of them.
Unproxied = Annotated[
    str,
    _matching(
        r"\.?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(/[0-9]{1,2})?",
        "a host, the end of its name, or a range of addresses: .example.org, 172.18.0.0/24",
    ),
    _TEXT,
]
StoreUrl = Annotated[
    str,
    _matching(
        rf"(https?|s3)://{_HOST}(/[A-Za-z0-9._~!$&'()*+,;=:%/-]*)?",
        "a URL that begins with https, http or s3, without login, query and fragment",
    ),
    _PORT,
    _TEXT,
]
PriorityClass = Annotated[str, _matching(_SUBDOMAIN, "the name of a priority class"), _TEXT]
NodeLabel = Annotated[
    str,
    _matching(
        rf"{_LABEL_KEY}=({_LABEL_VALUE})?",
        "a label of nodes such as node-role.kubernetes.io/infra=",
    ),
    _TEXT,
]
Toleration = Annotated[
    str,
    _matching(
        rf"{_LABEL_KEY}(={_LABEL_VALUE})?(:(NoSchedule|NoExecute|PreferNoSchedule))?",
        "a taint such as dedicated=infra:NoSchedule",
    ),
    _TEXT,
]
Cpu = Annotated[
    str, _matching("[1-9][0-9]{0,5}m?", "an amount of CPU such as 100m, a tenth of one"), _TEXT
]
Memory = Annotated[
    str, _matching("[1-9][0-9]{0,5}(Mi|Gi)", "an amount of memory such as 256Mi or 1Gi"), _TEXT
]


T = TypeVar("T")


def is_id(text: str) -> bool:
    """Whether that is an OpenStack id, which may replace a name."""
    return re.fullmatch(_ID, text) is not None


class ConflictError(ValueError):
    """Problems of values that are valid by themselves: pairs of path and problem."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{path}: {problem}" for path, problem in self.problems))


def checked(value: T, problems: Iterable[tuple[str, str]]) -> T:
    """The value. Raises ConflictError with all of the problems, if there are any."""
    found = tuple(problems)
    if found:
        raise ConflictError(found)
    return value


class Section(BaseModel):
    """A section of a site: immutable, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def model_json_schema(cls, *how: Any, **more: Any) -> dict[str, Any]:
        """The schema, in which the docstring below a key is its description.

        pydantic's `use_attribute_docstrings` does the same whenever the classes are imported. That
        reads this package's source, and takes a tenth of what a command needs to start.
        """
        schema = super().model_json_schema(*how, **more)
        kinds = {kind.__name__: kind for kind in _below(Section)}
        parts = {**schema.get("$defs", {}), cls.__name__: schema}
        for name in parts.keys() & kinds.keys():
            keys = parts[name]["properties"]
            for kind in _up_to(kinds[name]):
                for key, meaning in _meanings(kind):
                    keys[key] = dict(sorted({"description": meaning, **keys[key]}.items()))
        return schema


def _below(section: type[Section]) -> Iterator[type[Section]]:
    """All kinds of a section, and theirs."""
    for kind in section.__subclasses__():
        yield kind
        yield from _below(kind)


def _up_to(section: type[Section]) -> Iterator[type[Section]]:
    """The section and those that it is a kind of."""
    return (it for it in section.__mro__ if issubclass(it, Section) and it is not Section)


def _meanings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Each of a section's own keys that has a docstring, with that."""
    [definition] = ast.parse(inspect.getsource(section)).body
    statements = definition.body if isinstance(definition, ast.ClassDef) else []
    for statement, following in pairwise(statements):
        match statement, following:
            case (
                ast.AnnAssign(target=ast.Name(id=key)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                yield key, inspect.cleandoc(text)
