"""The fields of the site's form: typed, or chosen from what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from kuryr_runbook.model.site_form import FormField
from kuryr_runbook.model.visible import one_line, visible
from kuryr_runbook.planning.site_offers import Offer

WIDTH = "calc(100% - 8px)"
"""The full width, less the margins that widgets have."""
# Both themes of JupyterLab define --jp-error-color1; the sign ✗ says the same without a colour.
BELOW = (
    "white-space: normal; line-height: 1.4; "
    "margin-left: clamp(0px, calc((100% - 30em) * 99), 14.5em)"
)
"""Below the field, which itself moves below its label where there is no room beside it."""
PROBLEM = f'style="{BELOW}; color: var(--jp-error-color1, inherit)"'
MEANING = f'style="{BELOW}"'
LABEL = {"description_width": "14em"}
BESIDE = {"width": WIDTH, "max_width": "46em"}
LOW = {**BESIDE, "height": "auto", "flex_flow": "row wrap"}

ANOTHER = "\n"
"""The value of the option to type something else; no text in a field can be this."""


class FieldRow:
    """One field: the input, what it means, and what is wrong with it."""

    def __init__(self, field: FormField, changed: Callable[[], None]) -> None:
        """`changed` is called whenever the text is a different one."""
        import ipywidgets

        self._field = field
        self._offers: Sequence[Offer] | None = None
        self._filling = False
        self._changed = changed
        name = field.path.partition(".")[2] or field.path
        self.picker = ipywidgets.Dropdown(description=name, layout=BESIDE, style=LABEL)
        self.typed = ipywidgets.Text(
            description=name, placeholder=field.default, layout=LOW, style=LABEL
        )
        for control in (self.picker, self.typed):
            control.add_class(f"kuryr-runbook-{field.path.replace('.', '-')}")
            control.observe(self._observed, "value")
        several = " Separate several with commas." if field.listed else ""
        meaning = ipywidgets.HTML(
            f"<div {MEANING}><small>{escape(field.meaning + several)}</small></div>",
            layout=ipywidgets.Layout(width=WIDTH, max_width="46em"),
        )
        self._problem = ipywidgets.HTML(layout=meaning.layout)
        self.widget = ipywidgets.VBox([self.picker, self.typed, meaning, self._problem])
        self.fill("")

    @property
    def text(self) -> str:
        """What is chosen, or typed."""
        chosen: str = self.picker.value
        return self.typed.value if not self._is_chosen or chosen == ANOTHER else chosen

    @property
    def _is_chosen(self) -> bool:
        return bool(self._field.choices) or self._offers is not None

    def fill(self, text: str) -> None:
        """Show a value; one that is not offered is added, so that its problem shows."""
        self._filling = True
        if self._is_chosen:
            options = self._options(text)
            same = next((it.value for it in self._offers or () if text in it.others), text)
            self.picker.options = options
            self.picker.value = same
        self.typed.value = text
        self._filling = False
        self._arrange()

    def offer(self, offers: Sequence[Offer] | None) -> None:
        """Let people choose from these; None: nobody knows what there is, so they type."""
        text = self.text
        self._offers = offers
        self.fill(text)

    def _options(self, text: str) -> list[tuple[str, str]]:
        """Label and value of each option, with one for the text that is there already."""
        labels = {it.value: it.label for it in self._offers or ()}
        default = f"(default: {self._field.default})" if self._field.default else "(none)"
        values = self._field.choices or labels
        options = [(default, ""), *((one_line(labels.get(it, it)), it) for it in values)]
        known = {value for _, value in options} | {
            other for it in self._offers or () for other in it.others
        }
        if text not in known:
            there = "" if self._field.choices else " (not there)"
            options.append((f"{one_line(text)}{there}", text))
        return options if self._field.choices else [*options, ("another: type it below", ANOTHER)]

    def _observed(self, _: Any) -> None:
        if not self._filling:
            self._arrange()
            self._changed()

    def _arrange(self) -> None:
        """Show the input that is in use."""
        another = self.picker.value == ANOTHER
        self.picker.layout.display = "flex" if self._is_chosen else "none"
        self.typed.layout.display = "none" if self._is_chosen and not another else "flex"

    def show_problem(self, problem: str) -> None:
        """Show what is wrong; empty if nothing is."""
        self._problem.value = (
            f'<div role="alert" {PROBLEM}>✗ {escape(visible(problem))}</div>' if problem else ""
        )
