"""Choosing a pod or a Service whose path is drawn, for a person in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.checking.places import Target, Targets
from kuryr_runbook.display.asking import Asking
from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.display.tables import View
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.visible import one_line
from kuryr_runbook.model.wording import counted

NOTHING = ""


class PathPicker:
    """A namespace, and of it a pod or a Service; what is chosen is drawn at once."""

    def __init__(
        self, places: Mapping[str, Targets], draw: Callable[[str, str, str], View]
    ) -> None:
        """`draw` gets the namespace, and the name of a pod or of a Service; the other is empty."""
        import ipywidgets

        self._places, self._draw, self._filling = places, draw, False
        self.show: Callable[[View], None] = lambda view: None
        """Where to show what is drawn."""
        layout = {"width": "calc(100% - 8px)", "max_width": "46em"}
        self.namespace, self.pod, self.service = (
            ipywidgets.Dropdown(description=name, layout=layout, style={"description_width": "8em"})
            for name in ("Namespace", "Pod", "Service")
        )
        self.namespace.options = [
            (_with(name, targets.findings), name) for name, targets in places.items()
        ]
        self.namespace.value = next(iter(places), None)
        self.widget = ipywidgets.VBox([self.namespace, self.pod, self.service])
        self._fill()
        self.namespace.observe(lambda _: self._fill(), "value")
        self.pod.observe(lambda _: self._chosen(self.pod, self.service), "value")
        self.service.observe(lambda _: self._chosen(self.service, self.pod), "value")

    def _fill(self) -> None:
        targets = self._places.get(self.namespace.value, Targets())
        self._filling = True
        self.pod.options = _options(targets.pods)
        self.service.options = _options(targets.services)
        self.pod.value = self.service.value = NOTHING
        self._filling = False

    def _chosen(self, chosen: Any, other: Any) -> None:
        if self._filling or not chosen.value:
            return
        self._filling = True
        other.value = NOTHING
        self._filling = False
        self.show(self._draw(self.namespace.value, self.pod.value, self.service.value))


def _options(targets: Iterable[Target]) -> list[tuple[str, str]]:
    return [("(choose)", NOTHING), *((_label(it), it.name) for it in targets)]


def _label(target: Target) -> str:
    name = one_line(target.name)
    return name if target.status is Status.PASS else f"{name} {SIGNS[target.status]}"


def _with(name: str, findings: int) -> str:
    return f"{one_line(name)}: {counted(findings, 'object')} with findings" if findings else name


@dataclass(frozen=True, slots=True)
class Choosing(Asking):
    """A view that becomes what is chosen below it, and stays in the notebook like any other."""

    def _ipython_display_(self) -> None:
        from IPython.display import display

        handle: Any = display(self._repr_mimebundle_(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if isinstance(self.panel, PathPicker):
            self.panel.show = lambda view: handle.update(view._repr_mimebundle_(), raw=True)
            display(self.panel.widget)  # type: ignore[no-untyped-call]
