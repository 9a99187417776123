"""Which of apt's sources are used, and that packages are unpacked where they should."""

from pathlib import Path

import pytest

from kuryr_runbook.lab import debian
from kuryr_runbook.lab.debian import Suite
from kuryr_runbook.model.errors import LabError

ONE_LINE = """\
# the machine's own
deb http://mirror.test/debian bookworm main contrib  # trailing words
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian-security bookworm-security main
deb-src http://source.test/debian bookworm main
deb http://third.test/debian bookworm stable
deb http://third.test/pg bookworm-pgdg main
"""

DEB822 = """\
Types: deb
# http://snapshot.test
URIs: http://mirror.test/debian http://other.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_one_line_sources_of_debian_itself_are_found(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    assert debian.suites("bookworm", apt) == (
        Suite("http://mirror.test/debian", "bookworm"),
        Suite("http://mirror.test/debian-security", "bookworm-security"),
    )


def test_deb822_sources_that_are_enabled_are_found(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert debian.suites("bookworm", apt) == (
        Suite("http://mirror.test/debian", "bookworm"),
        Suite("http://mirror.test/debian", "bookworm-updates"),
        Suite("http://other.test/debian", "bookworm"),
        Suite("http://other.test/debian", "bookworm-updates"),
    )


def test_another_release_is_looked_for_on_the_same_mirrors(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    assert debian.of_release("trixie", "bookworm", debian.suites("bookworm", apt)) == (
        Suite("http://mirror.test/debian", "trixie"),
        Suite("http://mirror.test/debian-security", "trixie-security"),
    )


def test_a_machine_without_sources_has_no_suites(apt: Path) -> None:
    assert debian.suites("bookworm", apt) == ()


def test_rendered_sources_ask_for_binary_and_source_packages() -> None:
    lines = debian.render_sources([Suite("http://mirror.test/debian", "bookworm")]).splitlines()
    assert [line.split()[0] for line in lines] == ["deb", "deb-src"]
    assert all(line.endswith("http://mirror.test/debian bookworm main") for line in lines)


@pytest.mark.lab
def test_packages_are_unpacked_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    said: list[str] = []
    debian.unpack(["busybox-static"], tmp_path, said.append)
    debian.unpack(["busybox-static"], tmp_path, said.append)
    assert (tmp_path / "bin" / "busybox").stat().st_mode & 0o111
    assert len(said) == 1
    assert not (tmp_path / ".apt").exists()


@pytest.mark.lab
def test_a_package_that_debian_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no-such-package-here"):
        debian.unpack(["no-such-package-here"], tmp_path, lambda _: None)
    assert not (tmp_path / ".packages").exists()
