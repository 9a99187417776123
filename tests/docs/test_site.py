"""The documentation's site: it can be built, no link is dead, and it says what the code says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.repository import REPOSITORY

from kuryr_runbook.cli import main
from kuryr_runbook.model import errors
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.schema import render_schema

FETCHED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="?(?:https?:)?//[^>]*>')


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(target)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=source,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of mkdocs, such as a dead link or anchor, is an error."""
    target = tmp_path_factory.mktemp("docs") / "site"
    built = build(REPOSITORY, target)
    assert built.returncode == 0, built.stderr
    return target


def test_dead_links_and_anchors_are_found(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "parameters", "notebooks"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    with (tmp_path / "docs" / "index.md").open("a") as page:
        page.write("\n[one](nowhere.md) [two](credentials.md#nowhere)\n")
    built = build(tmp_path, tmp_path / "site")
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr
    assert "credentials.md#nowhere" in built.stderr


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [found for page in pages for found in FETCHED.findall(page.read_text())] == []
    styles = [style.read_text() for style in site.rglob("*.css")]
    assert not any(re.search(r"url\([\"']?(https?:)?//", style) for style in styles)


def test_no_mark_is_left(site: Path) -> None:
    assert not [page for page in site.rglob("*.html") if "<!-- generated" in page.read_text()]


def test_every_key_of_a_site_file_has_a_meaning(site: Path) -> None:
    schema = json.loads(render_schema())
    page = (site / "reference" / "site-file.html").read_text()
    for section in (schema, *schema["$defs"].values()):
        for name, key in section.get("properties", {}).items():
            assert f"<code>{name}</code>" in page
            inner = schema["$defs"].get(key.get("$ref", "").rpartition("/")[2], {})
            assert key.get("description") or "properties" in inner, name


def test_the_schema_for_editors_is_published(site: Path) -> None:
    assert (site / "reference" / "schema.json").read_text() == render_schema()


def test_every_command_has_its_place(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text()
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        for path in (name, *(f"{name}-{part}" for part in inner)):
            assert f'id="kuryr-runbook-{path}"' in page


def test_every_notebook_and_every_release_has_its_place(site: Path) -> None:
    pages = {page.stem for page in (site / "phases").glob("*.html")}
    notebooks = (REPOSITORY / "notebooks").glob("[0-9]*.ipynb")
    assert pages == {"index", *(path.stem for path in notebooks)}
    releases = (site / "reference" / "releases.html").read_text()
    for release in RELEASES.values():
        assert release.version in releases
        for hazard in release.hazards:
            assert hazard.source in releases.replace("&amp;", "&").replace("&#x27;", "'")


def test_the_table_of_exit_codes_is_complete() -> None:
    table = re.findall(
        r"^\| (\d+) \|", (REPOSITORY / "docs/reference/exit-codes.md").read_text(), re.MULTILINE
    )
    assert {int(code) for code in table} == {*errors.ExitCode}
