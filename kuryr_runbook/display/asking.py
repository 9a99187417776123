"""A view with widgets below it, for a person in JupyterLab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.display.tables import View


class Panel(Protocol):
    """Something with widgets."""

    @property
    def widget(self) -> Any:
        """What ipywidgets displays."""


@dataclass(frozen=True, slots=True)
class Asking(View):
    """Two outputs, so that the view stays readable after the panel's kernel has ended."""

    panel: Panel | None = None

    def _ipython_display_(self) -> None:
        """Called by IPython when a cell ends with this."""
        from IPython.display import display

        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        if self.panel is not None:
            display(self.panel.widget)  # type: ignore[no-untyped-call]
