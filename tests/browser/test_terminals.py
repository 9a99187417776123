"""What commands show in terminals, narrow and wide, light and dark: pictures to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from making.terminals import drawn, shown
from rich.cells import cell_len
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text
from spoiling.diagnosis import both, change, remove
from support.browsing import SCREENSHOTS, browser_page
from worlds.world import World

from kuryr_runbook.snapshots.diagnosis import save_snapshot

pytestmark = pytest.mark.browser

COMMANDS = {
    "diagnose": "kuryr-runbook diagnose --snapshot snapshot.json",
    "releases": "kuryr-runbook releases",
    "release": "kuryr-runbook releases 2024.1",
    "docs": "kuryr-runbook docs network",
    "help": "kuryr-runbook run -h",
}
THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
LONGER = {"docs": "commands stay on one line, so that they can be copied"}
LINES = 60
"""As many are drawn."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run: with a snapshot of two faults."""
    found = tmp_path_factory.mktemp("terminal")
    world = World()
    both(remove("port", "port-web-1"), change("router", "router", admin_state_up=False))(world)
    save_snapshot(world.read(), found / "snapshot.json")
    return found


@pytest.mark.parametrize("width", [80, 140])
def test_a_terminal_shows_whole_lines_with_colours(directory: Path, width: int) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with browser_page() as person:
        for name, command in COMMANDS.items():
            lines = shown(command, directory, width)
            widths = [cell_len(Text.from_ansi(line).plain) for line in lines]
            assert name in LONGER or max(widths) <= width, name
            for theme, colours in THEMES.items():
                picture = directory / f"{name}.svg"
                picture.write_text(drawn(command, lines[:LINES], width, colours))
                person.page.set_content(picture.read_text())
                person.page.locator("svg").screenshot(
                    path=SCREENSHOTS / f"terminal-{name}-{width}-{theme}.png"
                )
