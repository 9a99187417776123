"""The sites of a fleet, from their files; one that cannot be read does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kuryr_runbook.clients.kubernetes.connection import server_of
from kuryr_runbook.model.errors import RunbookError, SiteError, UsageError
from kuryr_runbook.model.fleet import Member, SiteAnswer, Standing, same_ones
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.site.reading import read_site

About = TypeVar("About", SiteAnswer, Standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What the files describe."""

    files: tuple[Path, ...]
    """In the order in which they were given."""
    members: tuple[Member, ...]
    broken: tuple[SiteAnswer, ...]
    """The answers for files that describe no site."""

    def in_order(self, answers: Iterable[About]) -> list[About]:
        """What is about single sites, in the order of their files."""
        places = {file: place for place, file in enumerate(self.files)}
        return sorted(answers, key=lambda answer: places[answer.file])


def read_fleet(files: Iterable[Path]) -> Fleet:
    """Read the site files.

    Raises UsageError if two of them are the same site, or lead to the same cluster: they would get
    in each other's way.
    """
    chosen, members, broken = tuple(files), [], []
    for file in dict.fromkeys(chosen):
        try:
            site = read_site(file)
        except SiteError as error:
            said = SiteAnswer(site="", file=file, status=error.exit_code, error=str(error))
            broken.append(said)
        else:
            members.append(_member(file, site))
    twice = [f"file {file}: given twice" for file in {*chosen} if chosen.count(file) > 1]
    if same := [*sorted(twice), *same_ones(members)]:
        raise UsageError(
            "\n  ".join(["a fleet has each site once, and one site for a cluster:", *same]),
            remedy="leave out all but one of them; nothing was started",
        )
    return Fleet(files=chosen, members=tuple(members), broken=tuple(broken))


def _member(file: Path, site: Site) -> Member:
    release = str(site.kuryr.release)
    return Member(file=file, name=site.name, release=release, server=_server(site))


def _server(site: Site) -> str:
    """Its cluster; if that is not known, the site's own command will say why."""
    with suppress(RunbookError):
        return server_of(site.kubernetes.kubeconfig, site.kubernetes.context)
    return ""
