"""The documentation's site, opened from disk in a browser: the search works there, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.test_site import build
from support.browsing import SCREENSHOTS, browser_page
from support.repository import REPOSITORY

pytestmark = pytest.mark.browser


def test_the_search_finds_a_page_without_a_server(tmp_path: Path) -> None:
    assert build(REPOSITORY, tmp_path / "site").returncode == 0
    with browser_page() as person:
        page = person.page
        page.goto((tmp_path / "site" / "reference" / "exit-codes.html").as_uri())
        page.click("input.md-search__input")
        page.keyboard.type("application credential")
        found = page.locator(".md-search-result__item", has_text="Credentials").first
        found.wait_for()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / "docs-search.png")
        found.locator("a").first.click()
        page.wait_for_url("**/credentials.html*")
