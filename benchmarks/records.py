"""How long a run's record and the index of all runs take, beside hundreds of other runs.

    python benchmarks/records.py [RUNS]

Makes that many runs (500) in a temporary directory, and prints what recording one more takes after
some of them, what making the index from all records would take, how large the index is, and how
long a browser takes to show and to filter it, if there is one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from runs.realistic import realistic_runs

from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import read_record

SHOWN = (1, 10, 100, 200, 500, 1000, 2000)


def browse(page: Path) -> None:
    from playwright.sync_api import sync_playwright
    from support.browsing import chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        tab = browser.new_page()
        began = time.monotonic()
        tab.goto(page.as_uri())
        opened = time.monotonic()
        tab.fill("#search", "controller failed")
        tab.wait_for_function("!document.getElementById('shown').textContent.startsWith('0 ')")
        print(f"browser: shown after {opened - began:.2f} s, filtered in "
              f"{time.monotonic() - opened:.2f} s: {tab.inner_text('#shown')}")  # fmt: skip
        browser.close()


def main(number: int) -> None:

    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_STATE_HOME"] = f"{place}/state"
        site = Path(place) / "runs" / "lab"
        began = time.monotonic()
        for count, _ in enumerate(realistic_runs(site, number, with_pages=False), 1):
            now = time.monotonic()
            if count in SHOWN or count == number:
                size = (site / "index.html").stat().st_size
                print(f"record {count}: {now - began:.3f} s, index {size / 1024:.0f} KiB")
            began = time.monotonic()
        whole = time.monotonic()
        render_index([read_record(path.parent) for path in site.glob("*/record.json")])
        print(f"the index from all records: {time.monotonic() - whole:.2f} s")
        browse(site / "index.html")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
