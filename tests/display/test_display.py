"""The views: width, escaping, the same text for the same input, words for every state."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.display.findings import findings_view
from kuryr_runbook.display.plans import plan_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, plain, table
from kuryr_runbook.display.terminal import FIXED_WIDTH
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Plan, Step, Target


def step(action: Action, name: str, because: str) -> Step:
    return Step(action=action, target=Target("subnet", name), because=because)


PLAN = Plan(
    phase="openstack_prep",
    steps=(
        step(Action.KEEP, "nodes", "exists"),
        step(Action.CREATE, "pods", "there is none of that name"),
        step(Action.KEEP, "services", "exists"),
    ),
)


def finding(status: Status, remedy: str = "") -> Finding:
    return Finding(
        check="vip",
        title="the VIP answers",
        status=status,
        evidence="4 of 4",
        subject="default/kuryr-demo",
        remedy=remedy,
    )


def test_text_stays_within_80_columns_and_loses_nothing() -> None:
    long_id = "0123456789abcdef" * 8
    view = table("T" * 100, ("name", "value"), [("a b" * 40, long_id), ("x", "y\nz")], "n " * 60)
    assert max(len(line) for line in view.text.splitlines()) <= FIXED_WIDTH
    assert long_id.count("f") == view.text.count("f")


def test_text_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan_view(PLAN).text
    for name, value in {"COLUMNS": "200", "FORCE_COLOR": "1", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    assert plan_view(PLAN).text == before


def test_rich_markup_and_html_in_values_are_shown_as_they_are() -> None:
    view = table("[bold]t", ("c",), [("[red]<script>&",)])
    assert "[red]<script>&" in view.text
    assert "[red]&lt;script&gt;&amp;" in view.html
    assert "<script>" not in view.html


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_a_word_in_both_forms(status: Status) -> None:
    view = findings_view("verification", [finding(status, remedy="add the rule")])
    assert str(status) in view.text.lower()
    assert str(status) in view.html.lower()
    assert ("-> add the rule" in view.text) == (status is not Status.PASS)


def test_a_table_names_its_title_and_heads_for_screen_readers() -> None:
    html = table("Ids", ("name", "id"), [("a", "b")]).html
    assert "<caption" in html
    assert html.count('<th scope="col"') == 2
    assert "color" not in html


def test_view_shows_itself_as_text_outside_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    View(plain(lambda _: ["plain"]), "<p>rich</p>").show()
    say("now")
    assert capsys.readouterr().out == "plain\nnow\n"


def test_view_offers_both_forms_to_jupyter() -> None:
    from IPython.core.formatters import DisplayFormatter

    formatter: Any = DisplayFormatter()
    formats, _ = formatter.format(View(plain(lambda _: ["plain"]), "<p>rich</p>"))
    assert formats == {"text/plain": "plain", "text/html": "<p>rich</p>"}


CELLS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=200)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4), CELLS)
def test_text_stays_within_80_columns_whatever_is_in_it(
    rows: list[tuple[str, str, str]], note: str
) -> None:
    from rich.cells import cell_len

    text = table("Title", ("a", "b", "c"), rows, note).text
    assert max(cell_len(line) for line in text.splitlines()) <= FIXED_WIDTH


def test_every_link_to_what_is_to_do_leads_to_it() -> None:
    found = [finding(Status.PASS, "never shown"), finding(Status.FAIL, "add the rule")]
    html = findings_view("verification", [*found, finding(Status.WARN, "look")]).html
    links = re.findall('href="#([^"]+)"', html)
    assert len(links) == 2
    assert re.findall('<details id="([^"]+)" open>', html) == links
    assert "never shown" not in html


def test_html_has_no_colour_and_its_tables_can_be_scrolled_by_the_keyboard() -> None:
    html = findings_view("v", [finding(Status.FAIL, "do")]).html + plan_view(PLAN).html
    assert "color" not in html
    assert html.count("<table") == html.count('tabindex="0" role="region" aria-label=')
