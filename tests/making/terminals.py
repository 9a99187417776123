"""What a terminal shows, as the pictures in the documents.

`PYTHONPATH=tests python -m making.terminals` draws them anew, on the bare lab: the plan of a phase
before there is anything, then a whole run. A person has to look at them.
"""

from __future__ import annotations

import io
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

DOCS = Path(__file__).parents[2] / "docs"
WIDTH = 100
FONTS = "monospace"
PICTURES: Sequence[tuple[str, str, Callable[[list[str]], list[str]]]] = (
    (
        "plan.svg",
        "kuryr-runbook plan --site parameters/lab.yaml --only openstack_prep",
        lambda lines: lines,
    ),
    ("run.svg", "kuryr-runbook run --site parameters/lab.yaml --yes", lambda lines: lines[-41:]),
)
"""File, command, and the lines that are drawn."""


def shown(command: str, directory: Path, width: int = WIDTH) -> list[str]:
    """What the command shows in a terminal of that many columns, with its colours."""
    program = Path(sys.executable).with_name("kuryr-runbook")
    main, terminal = pty.openpty()
    os.set_inheritable(terminal, True)
    subprocess.run(["stty", "cols", str(width), "rows", "50"], stdin=terminal, check=True)
    with subprocess.Popen(
        [program, *shlex.split(command)[1:]],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        cwd=directory,
    ):
        os.close(terminal)
        text = b"".join(_pieces(main)).decode().replace("\r", "")
        return text.replace(str(directory), "~").splitlines()


def _pieces(main: int) -> Iterator[bytes]:
    """Until the program has closed the terminal, which Linux reports as an error."""
    try:
        while piece := os.read(main, 4096):
            yield piece
    except OSError:
        return
    finally:
        os.close(main)


def drawn(
    command: str, lines: Sequence[str], width: int = WIDTH, theme: TerminalTheme = SVG_EXPORT_THEME
) -> str:
    """The picture of a terminal with that command and its output."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}\n", style="bold"))
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    # Without the fonts, which would be fetched from somebody's server.
    before, _, after = CONSOLE_SVG_FORMAT.partition("@font-face")
    template = before + after[after.rindex("font-weight: 700;\n    }}") :].partition("}}")[2]
    return console.export_svg(
        title="kuryr-runbook",
        theme=theme,
        code_format=template.replace("Fira Code, monospace", FONTS),
    )


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        directory = Path(place)
        (directory / "parameters").symlink_to(DOCS.parent / "parameters")
        for name, command, chosen in PICTURES:
            lines = chosen(shown(command, directory))
            (DOCS / name).write_text(f"{drawn(command, lines)}\n")
