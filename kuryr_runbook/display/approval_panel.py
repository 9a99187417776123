"""The question below a plan, with a button: nothing is changed before somebody presses it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from kuryr_runbook.model.visible import visible


class ApprovalPanel:
    """One question. It is asked where it is displayed, and answered once."""

    def __init__(self, question: str, label: str, approve: Callable[[], str]) -> None:
        """`approve` is called at the click, and gives back what to say of it."""
        from ipywidgets import HTML, Button, Layout, VBox

        self._approve = approve
        self._said = HTML()
        self._button = Button(
            description=label,
            icon="check",
            button_style="primary",
            layout=Layout(width="max-content", max_width="100%"),
        )
        self._button.add_class("kuryr-runbook-approve")
        self._button.on_click(self._clicked)
        self.widget = VBox([self._said, self._button])
        self._say(question)

    def end(self, why: str) -> None:
        """Take the question back: it is answered, or its plan is no longer the one."""
        self._button.disabled = True
        self._say(why)

    def _clicked(self, _: Any) -> None:
        self.end(self._approve())

    def _say(self, text: str) -> None:
        # Screen readers tell what changes in a place with this role.
        self._said.value = f'<div role="status">{escape(visible(text))}</div>'
