"""What is published: sdist and wheel are built, installed elsewhere, and run there.

On every Python that this machine has, with the newest and with the lowest dependencies that
pyproject.toml allows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from packaging.version import Version
from support.repository import REPOSITORY

UV = Path(sys.executable).with_name("uv")
VERSIONS = ("3.11", "3.12", "3.13")
RESOLUTIONS = ("highest", "lowest-direct")

pytestmark = pytest.mark.slow


def pyenv() -> dict[str, str]:
    """What makes all Pythons visible that pyenv keeps, if the machine has it."""
    if shutil.which("pyenv") is None:
        return {}
    kept = subprocess.run(
        ["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True
    )
    return {"PYENV_VERSION": ":".join(kept.stdout.split())}


def interpreter(version: str) -> Path | None:
    """A Python of that minor version, if the machine has one."""
    found = subprocess.run(
        [UV, "python", "find", "--no-project", "--no-python-downloads", version],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **pyenv()},
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the sdist, and the wheel that was built from it."""
    made = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "--quiet", "--out-dir", made, REPOSITORY], check=True)
    return made


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [found] = dist.glob("*.whl")
    return found


def test_the_wheel_has_what_its_user_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    share = {name.removeprefix("kuryr_runbook/share/") for name in names}
    assert "kuryr_runbook/py.typed" in names
    assert {"notebooks/start.ipynb", "parameters/example.yaml", "parameters/schema.json"} <= share
    assert {"docs/real-cloud.md", "docs/reference/site-file.md", "docs/ci/gitlab-ci.yml"} <= share
    assert not any(name.startswith(("tests/", "docs/", "runs/")) for name in names)


def test_the_sdist_has_what_a_packager_needs(dist: Path) -> None:
    [found] = dist.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "CHANGELOG.md", "README.md", "mkdocs.yml"} <= names
    assert any(name.startswith("tests/") for name in names)
    assert not any(name.startswith(("build/", ".venv/", "runs/")) for name in names)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_it_runs_where_it_was_installed(
    version: str, resolution: str, wheel: Path, tmp_path: Path
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")
    environment, home = tmp_path / "environment", tmp_path / "home"
    subprocess.run([UV, "venv", "--quiet", "--python", python, environment], check=True)
    install = ["pip", "install", "--quiet", "--resolution", resolution]
    subprocess.run([UV, *install, "--python", environment, wheel], check=True)
    home.mkdir()
    shutil.copy(REPOSITORY / "parameters" / "lab.yaml", home)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [environment / "bin" / "kuryr-runbook", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
            timeout=300,
            # Nothing of this checkout, and no login.
            env={"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8"},
        )

    assert Version(call("version").stdout.split()[1]) >= Version("1.0.0.dev0")
    assert call("docs", "real-cloud").stdout.startswith(" ")
    assert "2024.1" in call("releases").stdout
    checked = call("run", "--site", "lab.yaml", "--only", "preflight")
    assert checked.returncode == 4, checked.stderr
    assert "clouds.yaml" in checked.stderr
    [page] = home.glob("runs/lab/*/00_preflight.html")
    assert "Keystone answers" in page.read_text()
    assert call("records", "verify").returncode == 0
    # Nothing answers, so all that has to be found out is blank; an editor finds the schema.
    assert call("init", "mine.yaml").returncode == 0
    schema = (home / "mine.yaml").read_text().partition("\n")[0].partition("$schema=file://")[2]
    assert Path(schema).is_file()
    assert Path(schema).is_relative_to(environment)
    refused = call("plan", "--site", "mine.yaml")
    assert refused.returncode == 2
    assert "kuryr.link_iface (line" in refused.stderr


def test_the_version_is_that_of_the_newest_tag(tmp_path: Path) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is no checkout")
    checkout = tmp_path / "checkout"
    call = partial(subprocess.run, capture_output=True, text=True, check=True)
    call(["git", "clone", "--quiet", "--no-tags", REPOSITORY, checkout])

    def version() -> str:
        tools = ["--with", "hatchling", "--with", "hatch-vcs", "hatchling", "version"]
        return str(call([UV, "run", "--quiet", "--no-project", *tools], cwd=checkout).stdout)

    assert version().startswith("1.0.0.dev")
    call(["git", "-C", checkout, "tag", "v3.2.1"])
    assert version() == "3.2.1\n"
    shutil.rmtree(checkout / ".git")
    assert version() == "1.0.0.dev0\n"


def test_the_types_are_for_those_who_import_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
    assert "Classifier: Typing :: Typed" in text
    assert "Project-URL: Documentation, https://" in text


def classified() -> Iterator[str]:
    """The minor versions of Python that pyproject.toml names."""
    for line in (REPOSITORY / "pyproject.toml").read_text().splitlines():
        name = line.strip().strip('",').rpartition(":: ")[2]
        if "Programming Language :: Python :: 3." in line:
            yield name


def test_every_python_that_it_is_for_is_tried() -> None:
    assert tuple(classified()) == VERSIONS
