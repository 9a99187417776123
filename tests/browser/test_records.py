"""The pages of records in a browser, from the disk: in both schemes, wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize
from runs.realistic import realistic_runs
from runs.recorded import recorded, run_facts
from support.browsing import SCREENSHOTS, WIDE, browser_page

from kuryr_runbook.recording.archives import upload_record, write_archive_index
from kuryr_runbook.recording.comparing import compare
from kuryr_runbook.recording.records import Record

pytestmark = pytest.mark.browser

PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS = [(scheme, size) for scheme in ("light", "dark") for size in ("wide", "phone")]
FAILED, DRY = 4, 2
"""Positions of a run that failed, and of a dry run."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    place = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(place / "state"))
        site = {**run_facts(place)["site"], "name": "other"}
        recorded(place / "runs" / "other", "r01", site=site)
        return [*realistic_runs(place / "runs" / "lab", 6)]


@pytest.fixture
def site(records: list[Record]) -> Path:
    return records[0].directory.parent


@pytest.fixture
def page() -> Iterator[Page]:
    """Without a network, whatever a page would ask for."""
    with browser_page(offline=True) as person:
        asked: list[str] = []
        person.page.on("request", lambda request: asked.append(request.url))
        yield person.page
        assert {urlsplit(url).scheme for url in asked} <= {"file"}


def luminance(colour: str) -> float:
    """Of `rgb(r, g, b)`, as WCAG defines it."""
    parts = [float(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRASTS = """() => [...document.querySelectorAll('body *')].filter(element => {
    const own = [...element.childNodes].some(it => it.nodeType === 3 && it.textContent.trim());
    const box = element.getBoundingClientRect();
    return own && box.width && box.height && !element.closest('svg, [hidden], option, select');
}).map(element => {
    let around = element, paper = 'rgba(0, 0, 0, 0)';
    while (around && paper === 'rgba(0, 0, 0, 0)') {
        paper = getComputedStyle(around).backgroundColor;
        around = around.parentElement;
    }
    return [element.textContent.slice(0, 40), getComputedStyle(element).color, paper];
})"""


def illegible(page: Page) -> list[str]:
    """Texts whose contrast is below 4.5, which WCAG asks for."""
    found = []
    for text, ink, paper in page.evaluate(CONTRASTS):
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            found.append(f"{text}: {ink} on {paper}")
    return found


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
def test_pages_are_legible_and_fit(
    page: Page, records: list[Record], site: Path, scheme: str, size: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size(WIDE if size == "wide" else PHONE)
    pages = {
        "all-sites": site.parent / "index.html",
        "index": site / "index.html",
        "run": records[0].directory / "index.html",
        "run-failed": records[FAILED].directory / "index.html",
        "run-dry": records[DRY].directory / "index.html",
        "phase-plan": records[0].directory / "02_openstack_prep.html",
        "phase-findings": records[0].directory / "05_verification.html",
    }
    for name, path in pages.items():
        page.goto(path.as_uri())
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"records-{name}-{scheme}-{size}.png")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name
        assert illegible(page) == [], name


def test_the_pages_of_an_archive_lead_to_each_other(
    page: Page, records: list[Record], tmp_path: Path
) -> None:
    for record in records[:2]:
        upload_record(record, str(tmp_path / "archive"))
    write_archive_index(str(tmp_path / "archive"), "lab")
    index = tmp_path / "archive" / "lab" / "index.html"
    run = index.parent / records[0].directory.name
    page.goto((run / "02_openstack_prep.html").as_uri())
    page.get_by_role("link", name="All runs of lab").click()
    assert page.url == f"{index.as_uri()}#run-{run.name}"
    page.screenshot(path=SCREENSHOTS / "records-archive-index.png")
    page.get_by_role("link", name=records[1].directory.name).click()
    assert page.url == (index.parent / records[1].directory.name / "index.html").as_uri()


def test_every_page_leads_to_index_run_and_neighbours(
    page: Page, records: list[Record], site: Path
) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name=records[1].directory.name).click()
    assert page.url == (records[1].directory / "index.html").as_uri()
    page.get_by_role("navigation").get_by_role("link", name="openstack_prep").click()
    page.get_by_role("link", name="03_controller →").click()
    page.get_by_role("link", name="← 02_openstack_prep").click()
    page.get_by_role("link", name=f"Run {records[1].directory.name}").click()
    page.get_by_role("link", name=f"← {records[0].directory.name}").click()
    assert page.url == (records[0].directory / "index.html").as_uri()
    page.get_by_role("link", name="later runs →").click()
    assert page.url.endswith(f"/index.html#run-{records[0].directory.name}")
    page.goto((records[FAILED].directory / "03_controller.html").as_uri())
    assert page.get_by_role("link", name="→").count() == 0


def shown(page: Page) -> list[str]:
    rows = page.locator("#runs tbody tr:visible")
    return [str(row.get_attribute("data-run")) for row in rows.all()]


def test_runs_are_searched_and_filtered(page: Page, records: list[Record], site: Path) -> None:
    names = [record.directory.name for record in reversed(records)]
    page.goto((site / "index.html").as_uri())
    assert shown(page) == names
    failed = names[-1 - FAILED]
    page.get_by_label("Phase").select_option("controller")
    page.get_by_label("Status").select_option("FAILED")
    assert shown(page) == [failed]
    page.get_by_label("Phase").select_option("preflight")
    assert shown(page) == []
    page.reload()
    page.get_by_label("Search").fill("controller failed")
    assert shown(page) == [failed]
    page.get_by_label("Search").fill("")
    page.get_by_label("Kind").select_option("run, dry run")
    assert shown(page) == [name for at, name in enumerate(names) if (5 - at) % 3 == DRY]
    page.get_by_label("Kind").select_option("")
    page.get_by_label("Finding").select_option("fail")
    assert shown(page) == names
    page.get_by_label("From").fill("2026-11-03")
    assert shown(page) == [name for name in names if name >= "20261103"]
    page.get_by_label("To").fill("2026-11-03")
    assert "of 6 runs" in page.locator("#shown").inner_text()
    page.screenshot(path=SCREENSHOTS / "records-filtered.png")


def test_two_runs_are_compared_side_by_side_as_the_command_does(
    page: Page, records: list[Record], site: Path
) -> None:
    before, after = records[0], records[FAILED]
    page.goto((site / "index.html").as_uri())
    button = page.get_by_role("button", name="Compare two runs")
    assert button.is_disabled()
    for record in (after, before):
        page.get_by_label(f"compare {record.directory.name}").check()
    button.click()
    page.get_by_role(
        "heading", name=f"{before.directory.name} and {after.directory.name}"
    ).wait_for()
    page.locator("#compared details").first.wait_for()
    found = compare(before.predicate, after.predicate)
    summaries = page.locator("#compared summary").all_inner_texts()
    assert summaries == [f"{subject}: {len(changes)}" for subject, changes in found.items()]
    for details in page.locator("#compared details").all():
        details.evaluate("it => { it.open = true; }")
    rows = page.locator("#compared tbody tr").all()
    cells = [tuple(row.locator("th, td").all_text_contents()) for row in rows]
    wanted = [(it.field, it.before, it.after) for changes in found.values() for it in changes]
    assert sorted(cells) == sorted(wanted)
    page.screenshot(path=SCREENSHOTS / "records-compared.png")


def test_all_sites_are_on_one_page(page: Page, records: list[Record], site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="All sites").click()
    assert page.url == (site.parent / "index.html").as_uri()
    assert len(shown(page)) == len(records) + 1
    page.get_by_label("Site").select_option("other")
    assert shown(page) == ["r01"]
    page.get_by_label("Site").select_option("")
    for name in ("r01", records[0].directory.name):
        page.get_by_label(f"compare {name}", exact=True).check()
    page.get_by_role("button", name="Compare two runs").click()
    page.locator("#compared details").first.wait_for()
    page.get_by_role("link", name=records[1].directory.name).click()
    assert page.url == (records[1].directory / "index.html").as_uri()


def test_without_scripts_it_is_a_plain_list(records: list[Record], site: Path) -> None:
    with browser_page(java_script_enabled=False, offline=True) as person:
        person.page.goto((site / "index.html").as_uri())
        assert not person.page.locator("#tools").is_visible()
        assert person.page.locator("#runs tbody tr").count() == len(records)
        person.page.get_by_role("link", name=records[0].directory.name).click()
        person.page.get_by_role(
            "heading", name=f"Run {records[0].directory.name} of lab"
        ).wait_for()
