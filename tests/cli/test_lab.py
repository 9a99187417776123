"""`kuryr-runbook lab`: exit codes, what goes to stdout, and how it looks."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kuryr_runbook.cli import lab as commands
from kuryr_runbook.cli import main
from kuryr_runbook.lab import ovn, ownership
from kuryr_runbook.lab.lifecycle import Status
from kuryr_runbook.lab.processes import ProgramState
from kuryr_runbook.lab.programs import CommandHealth, Program
from kuryr_runbook.lab.remembering import remember, remembered
from kuryr_runbook.lab.settings import LabSettings, WorkerKind
from kuryr_runbook.model.errors import LabError

TRUE = CommandHealth(command=("true",))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSettings:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return LabSettings()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["lab", *arguments])


def state(name: str, *, well: bool = True, address: str = "") -> ProgramState:
    return ProgramState(
        program=Program(name=name, command=("true",), health=TRUE, address=address),
        state="RUNNING",
        pid=1,
        pids=frozenset({1}),
        uptime=3723.0,
        memory=350 * 2**20,
        well=well,
        seen="ok" if well else "HTTP 503",
    )


@pytest.mark.parametrize(
    ("command", "status"), [("status", 4), ("env", 2), ("logs etcd", 2), ("down", 2)]
)
def test_without_a_lab_the_way_to_one_is_shown(
    settings: LabSettings, command: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "owner", lambda: None)
    result = invoke(*command.split())
    assert result.exit_code == status
    assert "`kuryr-runbook lab up`" in result.stderr
    assert result.stdout == ""
    assert not settings.state.exists()


@pytest.mark.parametrize(
    ("elsewhere", "way"), [(True, "XDG_STATE_HOME=/other"), (False, "`kuryr-runbook lab destroy`")]
)
def test_a_lab_whose_state_is_not_here_is_recognized(
    settings: LabSettings, elsewhere: bool, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Path("/other/kuryr-runbook/lab") if elsewhere else settings.state
    monkeypatch.setattr(ownership, "owner", lambda: owner)
    result = invoke("status")
    assert result.exit_code == 4
    assert way in result.stderr


def test_env_can_be_evaluated_by_a_shell(settings: LabSettings) -> None:
    remember(settings, complete=True)
    lines = [shlex.split(line) for line in invoke("env").stdout.splitlines()]
    assert {line[0] for line in lines} == {"export"}
    exported = dict(line[1].split("=", 1) for line in lines)
    assert exported == {
        "OS_CLIENT_CONFIG_FILE": str(settings.clouds_yaml),
        "OS_CLOUD": "k8s",
        "KUBECONFIG": str(settings.kubeconfig),
        "REGISTRY_AUTH_FILE": str(settings.registry_auth),
        **ovn.environment(settings),
    }


def test_an_unknown_log_lists_the_known_ones(settings: LabSettings) -> None:
    remember(settings, complete=True)
    settings.logs.mkdir()
    for name in ("etcd", "neutron"):
        (settings.logs / f"{name}.log").write_text(f"hello from {name}\n")
    assert invoke("logs", "neutron").stdout == "hello from neutron\n"
    result = invoke("logs", "../../secret")
    assert result.exit_code == 2
    assert "etcd, neutron" in result.stderr


@pytest.mark.parametrize("workers", ["0", "6", "two"])
def test_workers_are_one_to_five(settings: LabSettings, workers: str) -> None:
    result = invoke("up", "--workers", workers)
    assert result.exit_code == 2
    assert not settings.state.exists()


def test_status_of_a_half_built_lab_is_not_well(settings: LabSettings) -> None:
    remember(settings, complete=False)
    result = invoke("status", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["well"] is False
    assert "did not finish" in result.stderr


def test_table_fits_eighty_columns_and_names_each_program() -> None:
    names = ["kube-controller-manager", "keystone", "containerd-worker5"]
    addresses = ["https://172.18.0.42:10257", "https://203.0.113.130:5000", "unix:" + "/x" * 40]
    states = tuple(state(n, address=a) for n, a in zip(names, addresses, strict=True))
    text = commands.status_view(Status(complete=True, programs=states, other_memory=5 * 2**20)).text
    assert max(map(len, text.splitlines())) <= 80
    assert all(name in text for name in names)
    assert "1:02:03" in text
    assert "1055 MiB in all" in text


def test_what_is_unwell_is_named_with_what_was_seen() -> None:
    status = Status(
        complete=True, programs=(state("etcd"), state("neutron", well=False)), other_memory=0
    )
    assert not status.well
    assert commands.complaint(status) == "the lab is not healthy:\n  neutron: HTTP 503"


def test_parameters_are_remembered(settings: LabSettings) -> None:
    assert remembered(settings) is None
    kept = LabSettings(
        workers=3,
        worker_kinds=(WorkerKind.NAMESPACE, WorkerKind.CHASSIS, WorkerKind.UML),
        max_allowed_address_pair=10,
        openstack="2026.1",
        octavia_ovn=True,
    )
    remember(kept, complete=False)
    found = remembered(LabSettings())
    assert found is not None
    assert (found.settings, found.complete) == (kept, False)


def test_a_lab_of_before_ovn_is_recognised_with_the_way_out(settings: LabSettings) -> None:
    remember(settings, complete=True)
    file = settings.state / "lab.json"
    kept = json.loads(file.read_text())
    del kept["openstack"]
    file.write_text(json.dumps(kept))
    for command in ("up", "status", "env", "down"):
        result = invoke(command)
        assert result.exit_code != 0
        assert "lab destroy" in result.stderr, command


def test_strange_parameters_are_refused_with_the_way_out(settings: LabSettings) -> None:
    remember(settings, complete=True)
    (settings.state / "lab.json").write_text("{}")
    with pytest.raises(LabError, match=r"lab\.json") as refused:
        remembered(settings)
    assert refused.value.remedy


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that has none of the packages of the extra `lab`."""
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({commands.EXTRA}))\n"
        "from kuryr_runbook.cli import main\n"
        "main(sys.argv[1:], prog_name='kuryr-runbook')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, "lab", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["", *commands.lab.commands])
def test_help_needs_no_extra(name: str) -> None:
    done = without_the_extra(*name.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Examples:" in done.stdout


@pytest.mark.parametrize("command", ["status", "up"])
def test_without_the_extra_a_command_says_how_to_get_it(command: str) -> None:
    done = without_the_extra(command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'kuryr-runbook[lab]'" in done.stderr
