"""The form in which a person in JupyterLab chooses a site, or describes one.

Every change is validated as it is typed. The caller decides what is valid, and what buttons do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from kuryr_runbook.display.site_fields import BESIDE, LABEL, LOW, FieldRow
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.site_form import FormField, Texts
from kuryr_runbook.model.visible import one_line, visible
from kuryr_runbook.model.wording import counted
from kuryr_runbook.planning.site_offers import Offers

NEW = ""
"""Chosen when no file is: a new site, which starts as a copy of the example."""
PLACE = (
    "openstack.cloud",
    "openstack.clouds_yaml",
    "kubernetes.kubeconfig",
    "kubernetes.context",
)
"""The fields that say which cloud and which cluster can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What the form needs from its caller."""

    load: Callable[[str], Texts]
    """The texts of a file, or for NEW, of the example."""
    judge: Callable[[Texts], Mapping[str, str]]
    """The problems, by field."""
    use: Callable[[str], None]
    """Choose that file for the notebooks. Raises RunbookError."""
    save: Callable[[str, Texts], None]
    """Write a valid site to a new file. Raises RunbookError."""
    files: Callable[[], Sequence[tuple[str, str]]]
    """The existing site files: path and label."""
    ask: Callable[[Texts, Callable[[Offered], None]], None]
    """Ask the cloud and the cluster that the texts name what they have; later, once, call back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What can be chosen from, and a text about where that comes from, or why it is not known."""

    offers: Offers
    told: str


class SiteForm:
    """Files to choose from, the fields of the chosen one, and a new file to save them in."""

    def __init__(self, fields: Sequence[FormField], actions: Actions, chosen: str) -> None:
        """Starts with the file `chosen`."""
        import ipywidgets

        self._actions = actions
        self._loading = False
        self._asked: tuple[str, ...] | None = None
        self._picker = ipywidgets.Dropdown(
            description="Site file",
            options=self._options(),
            value=chosen,
            layout=BESIDE,
            style=LABEL,
        )
        self._use = ipywidgets.Button(
            description="Use this site", button_style="primary", icon="check"
        )
        self._name = ipywidgets.Text(
            description="Save as a new file",
            placeholder="my-site.yaml",
            layout=LOW,
            style=LABEL,
        )
        self._save = ipywidgets.Button(description="Save", icon="save")
        self._message = ipywidgets.HTML()
        self._known = ipywidgets.HTML()
        self._ask_again = ipywidgets.Button(
            description="Ask cloud and cluster again",
            icon="refresh",
            layout=ipywidgets.Layout(width="max-content", max_width="100%"),
        )
        self._verdict = ipywidgets.HTML()
        self._fields = {field.path: FieldRow(field, self._changed) for field in fields}
        self._sections = {
            name: _Section(name, [self._fields[path].widget for path in paths])
            for name, paths in _by_section(fields).items()
        }
        self._paths = _by_section(fields)
        self.widget = ipywidgets.VBox(
            [
                self._picker,
                self._use,
                self._message,
                self._known,
                self._ask_again,
                *(section.widget for section in self._sections.values()),
                self._verdict,
                self._name,
                self._save,
            ]
        )
        self._picker.observe(self._picked, "value")
        self._name.observe(self._judge, "value")
        self._ask_again.on_click(lambda _: self._ask())
        self._use.on_click(self._used)
        self._save.on_click(self._saved)
        self._picked()

    @property
    def texts(self) -> dict[str, str]:
        """The contents of the fields."""
        return {path: row.text for path, row in self._fields.items()}

    def _options(self) -> list[tuple[str, str]]:
        return [
            *((one_line(label), path) for path, label in self._actions.files()),
            ("(a new site)", NEW),
        ]

    def _picked(self, _: Any = None) -> None:
        self._loaded = dict(self._actions.load(self._picker.value))
        self._loading = True
        for path, row in self._fields.items():
            row.fill(self._loaded.get(path, ""))
        self._loading = False
        self._loaded = self.texts
        self._say("")
        self._judge()
        self._ask()

    @property
    def _place(self) -> tuple[str, ...]:
        return tuple(self._fields[path].text for path in PLACE)

    def _ask(self) -> None:
        """Ask what can be chosen from; meanwhile, everything can be typed."""
        self._asked = place = self._place
        self._tell("Asking cloud and cluster what there is; meanwhile, type names or ids.")
        self._actions.ask(self.texts, lambda found: self._offer(place, found))

    def _offer(self, place: tuple[str, ...], found: Offered) -> None:
        """Offer what they have, unless others have been named since they were asked."""
        if place != self._asked:
            return
        self._loading = True
        for path, row in self._fields.items():
            row.offer(found.offers.get(path))
        self._loading = False
        self._tell(found.told)
        self._judge()

    def _changed(self) -> None:
        if self._loading:
            return
        if self._asked is not None and self._place != self._asked:
            self._asked = None
            self._loading = True
            for path in self._fields.keys() - {*PLACE}:
                self._fields[path].offer(None)
            self._loading = False
            self._tell("These are another cloud or cluster: ask again to choose from what it has.")
        self._judge()

    def _tell(self, text: str) -> None:
        self._known.value = _status(text)

    def _judge(self, _: Any = None) -> None:
        if self._loading:
            return
        problems = self._actions.judge(self.texts)
        for path, row in self._fields.items():
            row.show_problem(problems.get(path, ""))
        for name, section in self._sections.items():
            section.show_problems(sum(path in problems for path in self._paths[name]))
        same = self.texts == self._loaded
        self._use.disabled = bool(problems) or not same or self._picker.value == NEW
        self._save.disabled = bool(problems) or not self._name.value.strip()
        self._verdict.value = _status(self._judgement(problems, same))

    def _judgement(self, problems: Mapping[str, str], same: bool) -> str:  # noqa: FBT001
        if problems:
            return f"✗ {counted(len(problems), 'problem')}: {', '.join(problems)}"
        if same and self._picker.value != NEW:
            return "✓ This is a valid site."
        return "✓ This would be a valid site: save it in a new file to use it."

    def _used(self, _: Any) -> None:
        name = self._picker.value
        if self._done(lambda: self._actions.use(name)):
            self._say(f"✓ The notebooks now work with {name}.")

    def _saved(self, _: Any) -> None:
        name, texts = self._name.value.strip(), self.texts
        if not self._done(lambda: self._actions.save(name, texts)):
            return
        self._picker.options = self._options()
        if name in (path for _, path in self._picker.options):
            self._picker.value = name
            self._picked()
        self._say(f"✓ {name} is written. Press Use this site to work with it.")

    def _done(self, do: Callable[[], None]) -> bool:
        """Whether that succeeded; if not, the form shows why."""
        try:
            do()
        except RunbookError as error:
            self._say(f"✗ {error}")
            return False
        return True

    def _say(self, text: str) -> None:
        self._message.value = _status(text) if text else ""


class _Section:
    """The fields of a section, hidden behind a button that shows them."""

    def __init__(self, name: str, rows: Sequence[Any]) -> None:
        import ipywidgets

        self._name = name
        # Not an Accordion: its headings cannot be reached by the keyboard.
        self._button = ipywidgets.ToggleButton(
            icon="caret-right",
            layout=ipywidgets.Layout(width="max-content", min_width="14em", max_width="100%"),
        )
        self._rows = ipywidgets.VBox(rows, layout=ipywidgets.Layout(display="none"))
        self.widget = ipywidgets.VBox([self._button, self._rows])
        self._button.observe(self._pressed, "value")

    def show_problems(self, problems: int) -> None:
        """Show how many problems its fields have."""
        self._button.description = (
            f"{self._name}: ✗ {counted(problems, 'problem')}" if problems else self._name
        )

    def _pressed(self, change: Mapping[str, Any]) -> None:
        self._rows.layout.display = "flex" if change["new"] else "none"
        self._button.icon = "caret-down" if change["new"] else "caret-right"


def _status(text: str) -> str:
    """A text that screen readers announce when it changes."""
    style = "white-space: pre-line; line-height: 1.4"
    return f'<div role="status" style="{style}">{escape(visible(text))}</div>'


def _by_section(fields: Sequence[FormField]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in fields:
        found.setdefault(field.section or "site", []).append(field.path)
    return found
