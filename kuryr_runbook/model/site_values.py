"""Values in a site file, what is asked of each, and how problems of several are told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _is_text(value: object) -> object:
    """Refuse what YAML made of an unquoted value: 1.30 would become the number 1.3."""
    if isinstance(value, int | float):
        raise ValueError(f"must be text: put it in quotes ('{value}' was read as a number)")
    return value


def expanded(path: str | Path) -> Path:
    """The path, with the home directory for `~` or `~user`. Raises ValueError when it has none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"nobody here has the home directory {str(path).split('/')[0]}") from error


def _expanded(value: object) -> object:
    return expanded(value) if isinstance(value, str) else value


def _network(value: object) -> object:
    """Say what a range with host bits should have been."""
    if isinstance(value, str) and "/" in value:
        try:
            wider = IPv4Network(value, strict=False)
        except ValueError as error:
            raise ValueError(f"{value} is no IPv4 range: {error}") from error
        if str(wider.network_address) != value.partition("/")[0]:
            raise ValueError(f"{value} has host bits set: did you mean {wider}?")
    return value


Text = Annotated[str, BeforeValidator(_is_text), Field(min_length=1)]
Label = Annotated[
    str, BeforeValidator(_is_text), Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
]
Network = Annotated[IPv4Network, BeforeValidator(_network)]
File = Annotated[Path, BeforeValidator(_expanded)]
_ID = r"^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"
Id = Annotated[str, Field(pattern=_ID)]
# Neutron takes 60 characters; kuryr.conf separates tags by commas, and URLs name them.
Tag = Annotated[str, BeforeValidator(_is_text), Field(pattern=r"^[A-Za-z0-9_.:=-]{1,60}$")]


T = TypeVar("T")


def is_id(text: str) -> bool:
    """Whether that is an id of OpenStack's, which may stand in the place of a name."""
    return re.match(_ID, text) is not None


class ConflictError(ValueError):
    """Several problems of values that are right by themselves: pairs of path and problem."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{path}: {problem}" for path, problem in self.problems))


def checked(value: T, problems: Iterable[tuple[str, str]]) -> T:
    """The value, unless there are problems: then raises ConflictError with all of them."""
    found = tuple(problems)
    if found:
        raise ConflictError(found)
    return value


class Section(BaseModel):
    """A section of a site: immutable, and strict about keys that it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True
    )
