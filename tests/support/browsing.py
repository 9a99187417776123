"""JupyterLab as `kuryr-runbook notebooks` starts it, and a browser that a test drives in it.

JupyterLab draws only the cells that are in sight, so what a notebook holds is asked of its model,
and what a person does is done with the keyboard and the mouse. Every wait is for a condition.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, sync_playwright
from support.repository import REPOSITORY

SCREENSHOTS = REPOSITORY / "build" / "screenshots"
START_SECONDS = 90.0
SHORT = 60_000
"""Milliseconds for what takes a moment: a click, a kernel's start on a machine with other work."""
WIDE: ViewportSize = {"width": 1200, "height": 900}
NARROW: ViewportSize = {"width": 480, "height": 900}

ALLOWED = {
    # Chromium reports every page whose server sends no such header; it has no effect.
    "Error with Permissions-Policy header": "a header of the server that this Chromium has not",
}
"""Errors in the console that are none of ours, each with the reason."""

APP = "window.jupyterapp"
NOTEBOOK = f"{APP}.shell.currentWidget.content"
SESSION = f"{APP}.shell.currentWidget.sessionContext"


class Jupyter:
    """A JupyterLab that runs."""

    def __init__(self, process: subprocess.Popen[str], url: str, directory: Path) -> None:
        self.process, self.url, self.directory = process, url, directory

    def address(self, notebook: str) -> str:
        """Where a notebook opens, alone in a workspace of its own."""
        return self.url.replace("/lab/tree/start.ipynb", f"/lab/tree/{notebook}?reset").replace(
            "?reset?", "?reset&"
        )


@contextmanager
def jupyterlab(
    directory: Path, home: Path, *arguments: str, **environment: str
) -> Iterator[Jupyter]:
    """`kuryr-runbook notebooks` in `directory`; Jupyter's own files go below `home`."""
    config = home / "config"
    config.mkdir(parents=True)
    # Tests ask the application for its state.
    (config / "jupyter_server_config.py").write_text("c.LabApp.expose_app_in_browser = True\n")
    copy = directory / "copy"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()", "notebooks"),
            *("--no-browser", "--dir", str(copy), *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=directory,
        env={
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            **environment,
        },
    )
    said: list[str] = []
    reader = threading.Thread(target=_listen, args=(process, said), daemon=True)
    # Leaving it closes the pipe.
    with process:
        reader.start()
        try:
            yield Jupyter(process, _url(process, said), copy)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            reader.join(timeout=30)


def _listen(process: subprocess.Popen[str], said: list[str]) -> None:
    """Read to the end, or it would block."""
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)


def _url(process: subprocess.Popen[str], said: list[str]) -> str:
    """The address with its token."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1\S+token=\w+", "".join(said)):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {''.join(said)}")


def chromium() -> str:
    """The browser's program; a machine without one fails."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("the browser tests want Debian's chromium: `make setup` installs it")
    return found


@contextmanager
def browser_page(**how: Any) -> Iterator[Person]:
    """A person with a page of a browser; fails at the end if its console had an error."""
    # Chromium's own sandbox refuses to work for root, whom the lab needs.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            page = browser.new_context(viewport=WIDE, **how).new_page()
            page.set_default_timeout(SHORT)
            person = Person(page)
            yield person
            assert person.errors == [], person.errors
        finally:
            browser.close()


class Person:
    """What a person does in JupyterLab, and sees."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._reported)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _reported(self, message: ConsoleMessage) -> None:
        known = any(allowed in message.text for allowed in ALLOWED)
        if message.type == "error" and not known:
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def open(self, jupyter: Jupyter, notebook: str) -> None:
        """Open a notebook, after leave() if there is one; its kernel is ready then."""
        self.page.goto(jupyter.address(notebook))
        self._until(f"() => {APP} && {APP}.shell.currentWidget?.context?.path === '{notebook}'")
        self._until(f"() => {APP}.shell.currentWidget.context.isReady")
        self._until(f"() => {SESSION}?.session?.kernel?.status === 'idle'")

    def _until(self, condition: str, argument: Any = None, seconds: float = SHORT / 1000) -> None:
        self.page.wait_for_function(condition, arg=argument, timeout=seconds * 1000)

    def run(self, cell: str, seconds: float = SHORT / 1000) -> str:
        """Run the cell of that id by Shift-Enter, wait until it ended; gives its outputs' text."""
        self.page.evaluate(
            f"""async id => {{
                const notebook = {NOTEBOOK};
                const index = notebook.widgets.findIndex(it => it.model.id === id);
                notebook.activeCellIndex = index;
                notebook.mode = 'command';
                await notebook.scrollToItem(index);
                {APP}.shell.activateById({APP}.shell.currentWidget.id);
                notebook.node.focus();
            }}""",
            cell,
        )
        self.page.wait_for_timeout(100)
        self.page.keyboard.press("Shift+Enter")
        self._until(
            f"""id => {{
                const cell = {NOTEBOOK}.widgets.find(it => it.model.id === id).model;
                const idle = {SESSION}.session.kernel.status === 'idle';
                return idle && cell.executionCount !== null && cell.executionState === 'idle';
            }}""",
            cell,
            seconds,
        )
        return self.outputs(cell)

    def code_cells(self) -> list[str]:
        """The ids of the notebook's code cells, in order."""
        found: list[str] = self.page.evaluate(
            f"""() => {NOTEBOOK}.widgets.map(it => it.model)
                .filter(it => it.type === 'code' && it.sharedModel.getSource())
                .map(it => it.id)"""
        )
        return found

    def outputs(self, cell: str) -> str:
        """All that a cell printed and displayed, as text; an error by its name and message."""
        found: list[Mapping[str, Any]] = self.page.evaluate(
            f"id => {NOTEBOOK}.widgets.find(it => it.model.id === id).model.outputs.toJSON()", cell
        )
        return "\n".join(map(_text, found))

    def failed(self, cell: str) -> bool:
        """Whether the cell ended with an error."""
        found: bool = self.page.evaluate(
            f"""id => {NOTEBOOK}.widgets.find(it => it.model.id === id).model.outputs.toJSON()
                .some(it => it.output_type === 'error')""",
            cell,
        )
        return found

    def cell(self, cell: str) -> Locator:
        """The cell as it is drawn."""
        index = self.page.evaluate(
            f"""async id => {{
                const index = {NOTEBOOK}.widgets.findIndex(it => it.model.id === id);
                await {NOTEBOOK}.scrollToItem(index);
                return index;
            }}""",
            cell,
        )
        return self.page.locator(f".jp-Cell[data-windowed-list-index='{index}']")

    def approve(self, cell: str) -> None:
        """Press the button below a plan, and see that it was taken."""
        output = self.cell(cell)
        output.get_by_role("button", name=re.compile("Approve")).click()
        output.get_by_text(re.compile("Approved at")).wait_for()

    def leave(self) -> None:
        """Save the notebook and end its kernel, so that another one can be opened."""
        self.page.evaluate(f"async () => await {APP}.shell.currentWidget.context.save()")
        self._until(f"() => !{APP}.shell.currentWidget.context.model.dirty")
        self.page.evaluate(f"async () => await {SESSION}.shutdown()")

    def theme(self, name: str) -> None:
        """Choose JupyterLab's theme."""
        self.page.evaluate(
            f"async name => await {APP}.commands.execute('apputils:change-theme', {{theme: name}})",
            name,
        )
        self._until("name => document.body.dataset.jpThemeName === name", name)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def narrow(self, narrow: bool) -> None:
        """Have a narrow window, with the list of files put away as people do there; or not."""
        self.page.set_viewport_size(NARROW if narrow else WIDE)
        hidden = self.page.evaluate(f"() => {APP}.shell.leftCollapsed")
        if hidden is not narrow:
            self.page.evaluate(
                f"async () => await {APP}.commands.execute('application:toggle-left-area')"
            )

    def screenshot(self, name: str, cell: str | None = None) -> Path:
        """Keep a picture of what is in sight, with that cell in it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        if cell is not None:
            self.cell(cell).scroll_into_view_if_needed()
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path


def _text(output: Mapping[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            return joined(output["text"])
        case "error":
            return f"{output['ename']}: {output['evalue']}"
    return joined(output["data"].get("text/plain", ""))


def joined(text: str | list[str]) -> str:
    """A text as notebooks hold it, which may be in lines."""
    return text if isinstance(text, str) else "".join(text)
