"""What each release of Kuryr knows, asked of the released package: writes <release>.json here.

    python tests/specs/options/dump.py [RELEASE]...

Makes one virtual environment with the packages of the image, in which every release
can be imported, and puts each release's wheel before it in turn. Takes about two minutes; needs the
package index and a Python 3.11.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.releases.builds import MODERN

HERE = Path(__file__).parent
SHARE = Path(__file__).parents[3] / "kuryr_runbook" / "share" / "image"
ASK = SHARE / "smoke" / "options.py"


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="kuryr-options-") as folder:
        python = environment(Path(folder) / "venv")
        for name in names or RELEASES:
            wheel = Path(folder) / name
            pip(python, "--no-deps", "--ignore-requires-python", f"--target={wheel}",
                f"kuryr-kubernetes=={RELEASES[name].version}")  # fmt: skip
            answer = json.loads(run(python, ASK, PYTHONPATH=str(wheel)))
            (HERE / f"{name}.json").write_text(rendered(answer))
            print(name, "written")  # noqa: T201


def environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    for packages in (MODERN.build_file, MODERN.file):
        pip(python, "--no-deps", "--no-build-isolation", f"--requirement={SHARE / packages}")
    return python


def pip(python: Path, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)


def run(python: Path, script: Path, **environment: str) -> str:
    return subprocess.run(
        [python, script], check=True, env=environment, stdout=subprocess.PIPE, text=True
    ).stdout


def rendered(answer: dict[str, Any]) -> str:
    """One line a section, so that a difference between releases is a line."""
    lines = [f" {json.dumps(key)}: {json.dumps(answer[key])}" for key in answer if key != "options"]
    sections = [
        f"  {json.dumps(section)}: {json.dumps(options)}"
        for section, options in answer["options"].items()
    ]
    lines.append(' "options": {\n' + ",\n".join(sections) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
