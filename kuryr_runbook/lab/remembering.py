"""Remembers the lab's parameters in its state directory, for later commands."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from kuryr_runbook.lab.settings import LabSettings, WorkerKind
from kuryr_runbook.model.errors import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A lab on which `up` has started."""

    settings: LabSettings
    complete: bool
    """Whether `up` finished."""


def remember(settings: LabSettings, *, complete: bool) -> None:
    """Save the parameters of the lab."""
    settings.state.mkdir(parents=True, exist_ok=True)
    kept = {
        "workers": settings.workers,
        "worker_kinds": settings.worker_kinds,
        "max_allowed_address_pair": settings.max_allowed_address_pair,
        "openstack": settings.openstack,
        "octavia_ovn": settings.octavia_ovn,
        "complete": complete,
    }
    file = _file(settings)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(kept, indent=1))
    new.replace(file)


def remembered(where: LabSettings) -> Remembered | None:
    """The lab in the state directory of `where`; None if there is none.

    Raises LabError when its parameters cannot be read.
    """
    file = _file(where)
    try:
        kept = json.loads(file.read_text())
        if "openstack" not in kept and "workers" in kept:
            raise _of_another_kind(file)
        settings = replace(
            where,
            workers=int(kept["workers"]),
            worker_kinds=tuple(map(WorkerKind, kept.get("worker_kinds", (WorkerKind.NAMESPACE,)))),
            max_allowed_address_pair=int(kept["max_allowed_address_pair"]),
            openstack=str(kept["openstack"]),
            octavia_ovn=bool(kept.get("octavia_ovn")),
        )
        return Remembered(settings=settings, complete=bool(kept["complete"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{file}: expected the lab's parameters, found something else",
            remedy="remove the file and run `kuryr-runbook lab up` again",
        ) from error


def _of_another_kind(file: Path) -> LabError:
    """The error for a lab of an earlier version, which did not have OVN as its data plane."""
    return LabError(
        f"the lab in {file.parent} was made by an earlier version, with another data plane",
        remedy="remove it (`kuryr-runbook lab destroy`), and bring it up again",
    )


def _file(settings: LabSettings) -> Path:
    return settings.state / "lab.json"
