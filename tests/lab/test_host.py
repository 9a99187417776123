"""What a machine must have for a lab, and that there is one lab and one change at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kuryr_runbook.lab import host, ownership
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

DEBIAN_PACKAGES = Path(__file__).parents[2] / "debian-packages.txt"
ESSENTIAL = {"apt", "dpkg", "mount"}
"""Packages that every Debian has."""


@pytest.fixture
def scratch(tmp_path: Path) -> LabSettings:
    return LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")


def test_missing_commands_are_listed_with_their_packages() -> None:
    gone = {"ovn-northd", "mmdebstrap"}
    (problem,) = host.missing_commands(lambda name: None if name in gone else f"/bin/{name}")
    assert "mmdebstrap, ovn-northd" in problem
    assert "`apt-get install mmdebstrap ovn-central`" in problem


def test_nothing_is_said_when_nothing_is_missing() -> None:
    assert list(host.missing_commands(lambda name: f"/bin/{name}")) == []


def test_every_package_is_among_those_that_the_makefile_installs() -> None:
    listed = set(DEBIAN_PACKAGES.read_text().split())
    needed = {*host.PACKAGE_OF.values(), *host.MACHINES.values()}
    assert needed - ESSENTIAL <= listed


def test_what_virtual_machines_need_is_named_with_the_other_kind_of_workers(
    tmp_path: Path,
) -> None:
    ptrace = tmp_path / "ptrace_scope"
    assert list(host.machine_problems(1, lambda name: name, ptrace)) == []
    ptrace.write_text("3\n")
    found = list(host.machine_problems(10**6, lambda name: None, ptrace))
    assert len(found) == 3
    for problem, word in zip(
        found, ("user-mode-linux", str(ptrace), str(host.MACHINE_MEMORY_PLACE)), strict=True
    ):
        assert word in problem
        assert "kind `namespace`" in problem


@pytest.mark.parametrize(("length", "refused"), [(60, False), (200, True)])
def test_a_state_directory_must_leave_room_for_sockets(length: int, refused: bool) -> None:
    found = list(host.socket_too_long(Path("/" + "x" * length)))
    assert bool(found) is refused
    assert all("XDG_STATE_HOME" in problem for problem in found)


def test_another_lab_is_refused_and_named(scratch: LabSettings) -> None:
    other = Path("/elsewhere/kuryr-runbook/lab")
    (problem,) = host.other_lab(scratch, other, ["kr-internet"])
    for word in (str(other), "kr-internet", "XDG_STATE_HOME=/elsewhere"):
        assert word in problem


@pytest.mark.parametrize("there", [[], ["kr-internet"]])
def test_the_own_lab_and_one_that_is_gone_are_no_obstacle(
    scratch: LabSettings, there: list[str]
) -> None:
    assert list(host.other_lab(scratch, scratch.state, there)) == []
    assert list(host.other_lab(scratch, None, there)) == []
    assert list(host.other_lab(scratch, Path("/gone"), [])) == []


def test_listeners_are_read_from_ss() -> None:
    shown = (
        'LISTEN 0 128 203.0.113.130:5000 0.0.0.0:* users:(("python",pid=11,fd=3))\n'
        'LISTEN 0 128 [::]:9696 [::]:* users:(("a",pid=12,fd=6),("a",pid=13,fd=6))\n'
        'LISTEN 0 128 127.0.0.1:22 0.0.0.0:* users:(("sshd",pid=14,fd=6))\n'
    )
    assert host.listening(shown, (5000, 9696)) == {5000: {11}, 9696: {12, 13}}


def test_one_change_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "run"
    with ownership.exclusively("lab up", place):
        with pytest.raises(LabError, match="`kuryr-runbook lab up`, pid") as refused:
            with ownership.exclusively("lab destroy", place):
                pass
        assert refused.value.remedy
    with ownership.exclusively("lab destroy", place):
        pass
    assert not place.exists()


def test_the_lock_goes_with_a_failure(tmp_path: Path) -> None:
    place = tmp_path / "run"
    with pytest.raises(ZeroDivisionError), ownership.exclusively("lab up", place):
        raise ZeroDivisionError
    with ownership.exclusively("lab up", place):
        pass


def test_the_owner_stays_until_it_is_released(tmp_path: Path, scratch: LabSettings) -> None:
    place = tmp_path / "run"
    assert ownership.owner(place) is None
    with ownership.exclusively("lab up", place):
        ownership.claim(scratch, place)
    assert ownership.owner(place) == scratch.state
    with ownership.exclusively("lab destroy", place):
        ownership.release(place)
    assert ownership.owner(place) is None
    assert not place.exists()


@pytest.mark.lab
def test_the_labs_own_machine_has_no_problems(settings: LabSettings) -> None:
    assert host.problems(settings) == ()


@pytest.mark.lab
def test_a_second_lab_on_the_machine_is_refused(
    settings: LabSettings, scratch: LabSettings
) -> None:
    (problem,) = host.problems(scratch)
    assert str(settings.state) in problem


@pytest.mark.lab
def test_a_link_that_the_kernel_does_not_know_is_said() -> None:
    said = host.probe(("ip", "-batch", "-"), "link add p0 type nonsense\n")
    assert "nonsense" in said or "Unknown" in said
    assert host.probe(("ip", "-batch", "-"), host.LINK_PROBES["macvlan"]) == ""
    links = subprocess.run(("ip", "link"), capture_output=True, text=True, check=True, timeout=30)
    assert "m0@p0" not in links.stdout


def test_not_root_is_said_at_once(monkeypatch: pytest.MonkeyPatch, scratch: LabSettings) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "sudo" in host.problems(scratch)[0]


def test_another_system_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, scratch: LabSettings
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    (problem,) = host.problems(scratch)
    assert "Darwin" in problem
