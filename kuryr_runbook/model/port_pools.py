"""Pools of ports that Kuryr creates before pods need them, as a site describes them.

Source: kuryr-kubernetes, controller/drivers/vif_pool.py of every release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator

from kuryr_runbook.model.site_values import Section, checked

NO_POOL = "noop"
"""Kuryr's name for the driver without pools (`[kubernetes] vif_pool_driver`)."""


class PortPool(Section):
    """Ports that are created before pods need them, and kept when their pods are gone.

    Every node has a pool of its own in each network of pods.
    """

    enabled: bool = False
    """Whether pods get their ports from pools. That needs `resource_tags` that nothing else in the
    cloud has."""
    min_ports: Annotated[int, Strict(), Field(ge=1, le=1000)] = 5
    """A pool that has fewer spare ports than that is filled."""
    batch: Annotated[int, Strict(), Field(ge=1, le=1000)] = 10
    """How many ports are created at a time."""
    max_ports: Annotated[int, Strict(), Field(ge=0, le=1000)] = 0
    """A pool that has so many spare ports gets none back from pods that are gone; 0: it gets all
    of them back."""
    update_seconds: Annotated[int, Strict(), Field(ge=1, le=3600)] = 20
    """How often the ports of pods that are gone return to their pools."""

    @property
    def spare(self) -> int:
        """How many spare ports Kuryr lets a pool have, besides those that pods had before.

        A pool is filled as soon as it has one less than `min_ports`, with a whole batch.
        """
        return max(self.min_ports - 1 + self.batch, self.max_ports)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        """Kuryr's own rules, which it only checks if asked (cmd/sanity/checks.py from Yoga on)."""
        if self.min_ports > self.batch:
            yield (
                "min_ports",
                f"{self.min_ports} is more than a batch of {self.batch}: Kuryr would fill a pool "
                "with more requests than it needs",
            )
        if 0 < self.max_ports < self.batch:
            yield (
                "max_ports",
                f"{self.max_ports} is less than a batch of {self.batch}: Kuryr would delete ports "
                "that it has just created",
            )
