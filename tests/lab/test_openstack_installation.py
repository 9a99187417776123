"""The environment of the cloud, made with pip from a small payload of the tests' own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kuryr_runbook.lab.openstack import installation
from kuryr_runbook.lab.openstack.commands import run
from kuryr_runbook.lab.programs import Lab, Program
from kuryr_runbook.lab.settings import OPENSTACK_RELEASES, LabSettings
from kuryr_runbook.model.errors import LabError

BUILD, _ = installation.requirements(LabSettings().openstack)
SERVICES = r"""
iso8601==2.1.0 \
    --hash=sha256:6b1d3829ee8921c4301998c909f7829fa9ed3cbdac0d3b16af2d743aed1ba8df \
    --hash=sha256:aac4145c4dcb66ad8b648a02830f5e2ff6c24af20f4f482689be402db2429242
"""
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1"
[tool.setuptools]
py-modules = ["small"]
"""


class NoProcesses:
    """Installing starts nothing."""

    def start(self, program: Program) -> None:
        raise AssertionError(program.name)

    def stop(self, name: str) -> None:
        raise AssertionError(name)


@pytest.fixture
def payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    payload = tmp_path / "payload"
    payload.mkdir()
    (payload / "pyproject.toml").write_text(PROJECT)
    (payload / "small.py").write_text("WORD = 'here'\n")
    monkeypatch.setattr(installation, "PAYLOAD", payload)
    (payload / "requirements").mkdir()
    build, services = installation.requirements(LabSettings().openstack)
    shutil.copy(BUILD, build)
    services.write_text(SERVICES)
    for release in OPENSTACK_RELEASES[1:]:
        installation.requirements(release)[1].touch()
    return payload


@pytest.fixture
def small(tmp_path: Path, payload: Path) -> tuple[Lab, list[str]]:
    said: list[str] = []
    settings = LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")
    return Lab(
        settings=settings, processes=NoProcesses(), say=lambda message: said.append(message)
    ), said


@pytest.mark.lab
def test_made_once_again_when_interrupted_and_only_the_last_is_kept(
    small: tuple[Lab, list[str]], payload: Path
) -> None:
    lab, said = small
    venv = installation.install(lab)
    word = [str(venv / "bin" / "python"), "-c", "import small; print(small.WORD)"]
    assert subprocess.check_output(word, text=True, cwd="/").strip() == "here"
    assert said
    assert sorted(p.name for p in payload.iterdir()) == [
        "pyproject.toml",
        "requirements",
        "small.py",
    ]

    said.clear()
    assert installation.install(lab) == venv
    assert said == []

    (venv / installation.COMPLETE).unlink()
    (venv / "bin" / "python").unlink()
    assert installation.install(lab) == venv
    assert subprocess.check_output(word, text=True, cwd="/").strip() == "here"

    stale = lab.settings.cache / f"{installation.PREFIX}stale"
    stale.mkdir()
    installation.remove_others(lab.settings)
    assert [p for p in lab.settings.cache.iterdir() if p.is_dir()] == [venv]


@pytest.mark.lab
def test_a_package_that_cannot_be_had_is_named_and_nothing_counts_as_complete(
    small: tuple[Lab, list[str]], payload: Path
) -> None:
    lab, _ = small
    _, services = installation.requirements(lab.settings.openstack)
    services.write_text(SERVICES.replace("2.1.0", "0.0.0.1"))
    with pytest.raises(LabError, match=r"iso8601==0\.0\.0\.1") as refused:
        installation.install(lab)
    assert "openstack-install.log" in str(refused.value.remedy)
    assert not (installation.venv_of(lab.settings) / installation.COMPLETE).exists()


@pytest.mark.lab
@pytest.mark.parametrize(
    ("services", "said"),
    [
        (re.sub("sha256:....", "sha256:0000", SERVICES), "DO NOT MATCH THE HASHES"),
        ("iso8601==2.1.0\n", "Hashes are required"),
    ],
    ids=["another file than the pinned one", "a package without a hash"],
)
def test_what_is_not_pinned_by_its_hash_is_not_installed(
    small: tuple[Lab, list[str]], services: str, said: str
) -> None:
    lab, _ = small
    installation.requirements(lab.settings.openstack)[1].write_text(services)
    with pytest.raises(LabError, match=said):
        installation.install(lab)
    assert not (installation.venv_of(lab.settings) / installation.COMPLETE).exists()


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuryr_runbook.lab.openstack.commands.DEADLINE", 0.2)
    with pytest.raises(LabError, match="did not end within"):
        run(["sleep", "60"], tmp_path / "log")


def test_a_command_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"ended with 3:\n    sorry"):
        run(["sh", "-c", "echo sorry; exit 3"], tmp_path / "log")
