"""Widgets below a view, for a person in JupyterLab: nothing changes until they press a button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from kuryr_runbook.display.tables import View
from kuryr_runbook.model.visible import visible

SCROLLING = "max-height: 50vh; overflow-y: auto; border-bottom: 1px solid currentcolor"
"""For what may be long, so that the panel below it stays in sight."""


def bounded_height(html: str) -> str:
    """The HTML in a box that scrolls if it is long, so that the widgets below stay in sight."""
    return f'<div style="{SCROLLING}" tabindex="0" role="region" aria-label="plan">{html}</div>'


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


class LinkPanel:
    """A link to a page that JupyterLab's server shows.

    In a cell's HTML, JupyterLab would take its address for that of a notebook.
    """

    def __init__(self, text: str, address: str) -> None:
        from ipywidgets import HTML

        # Not `noreferrer`: the server shows pages only to its own.
        self.widget = HTML(
            f'<a href="{escape(address)}" target="_blank" rel="noopener" '
            f'style="text-decoration: underline">{escape(visible(text))}</a>'
        )


class ApprovalPanel:
    """One question, asked where it is displayed and answered once."""

    def __init__(self, question: str, label: str, approve: Callable[[], str]) -> None:
        """`approve` is called on the click, and returns the text to show in response."""
        from ipywidgets import HTML, Button, Layout, VBox

        self._approve = approve
        self._message = HTML()
        self._button = Button(
            description=label,
            icon="check",
            button_style="primary",
            layout=Layout(width="max-content", max_width="100%"),
        )
        self._button.add_class("kuryr-runbook-approve")
        self._button.on_click(self._clicked)
        self.widget = VBox([self._message, self._button])
        self._say(question)

    def end(self, why: str) -> None:
        """Withdraw the question: it was answered, or its plan is out of date."""
        self._button.disabled = True
        self._say(why)

    def _clicked(self, _: Any) -> None:
        self.end(self._approve())

    def _say(self, text: str) -> None:
        # Screen readers announce changes inside an element with this role.
        self._message.value = f'<div role="status">{escape(visible(text))}</div>'
