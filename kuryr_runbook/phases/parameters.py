"""A notebook's parameters: read here, while anything else is refused.

papermill only warns about a parameter that a notebook does not have, so a misspelt `dry_run` would
start a real run. `expect_parameters()`, in the parameters cell, inspects the cell that papermill
adds before that cell runs.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.options import PARAMETERS, Options, parse_options
from kuryr_runbook.model.site_file import SECTIONS

ADDED = "# Parameters"
"""The first line of the cell that papermill adds."""
OURS = "expect_parameters()"
"""Identifies the parameters cell, which a person may have edited."""
_ASSIGNED = re.compile(r"^(?=[^\s#'\"])([^=\n]+?) *= ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parameters:
    """A notebook's parameters."""

    site: Mapping[str, Any]
    """The sections of a site file; all empty when none was given."""
    dry_run: bool
    options: Options


def expect_parameters() -> None:
    """Refuse papermill's cell if it sets anything but parameters. Called in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and _refusing not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_refusing)


def refuse(problems: Iterable[str]) -> NoReturn:
    """Raise UsageError with these problems."""
    raise UsageError(
        "\n  ".join(["not parameters of this notebook:", *problems]),
        remedy=f"its parameters are {', '.join(PARAMETERS)}; a site's values come from its file: "
        "papermill -f parameters/<site>.yaml",
    )


def read_parameters(namespace: Mapping[str, Any]) -> Parameters:
    """The parameters in the namespace of a notebook's cells.

    Raises UsageError when one is missing, misspelt in the parameters cell, or of another type.
    """
    edited = [source for source in namespace.get("In", ()) if OURS in source][-1:]
    if problems := [problem for source in edited for problem in unknown_parameters(source)]:
        refuse(problems)
    if missing := [name for name in PARAMETERS if name not in namespace]:
        raise UsageError(
            f"{', '.join(missing)}: not set", remedy="run the parameters cell with all its lines"
        )
    if problems := list(_of_other_types(namespace)):
        raise UsageError("\n  ".join(["the parameters cannot be used:", *problems]))
    return Parameters(
        site={name: namespace[name] for name in (*SECTIONS, "record")},
        dry_run=namespace["dry_run"],
        options=parse_options(namespace["options"]),
    )


def unknown_parameters(source: str) -> Iterator[str]:
    """A line for each name that a cell's source assigns but that is not a parameter."""
    for name in _ASSIGNED.findall(source):
        section, dot, key = name.partition(".")
        if dot and section in PARAMETERS:
            yield f"{name}: give {section} as a whole, including {key}: -y '{section}: {{...}}'"
        elif name not in PARAMETERS:
            near = difflib.get_close_matches(name, PARAMETERS, n=1, cutoff=0.5)
            yield f"{name}: did you mean {near[0]}?" if near else f"{name}: unknown"


def _refusing(lines: list[str]) -> list[str]:
    """The lines of a cell; if it is papermill's and wrong, lines that refuse it instead."""
    source = "".join(lines)
    if not source.startswith(ADDED) or not (problems := list(unknown_parameters(source))):
        return lines
    return [f"from {__name__} import refuse\n", f"refuse({problems!r})\n"]


def _of_other_types(namespace: Mapping[str, Any]) -> Iterator[str]:
    wanted: dict[str, tuple[type, str]] = {
        **dict.fromkeys(PARAMETERS, (dict, "a mapping")),
        "name": (str, "text"),
        "dry_run": (bool, "True or False"),
    }
    for name, (kind, words) in wanted.items():
        value = namespace[name]
        if type(value) is not kind:
            yield f"{name}: has to be {words}, not {value!r}"
