"""The command `init`: what it writes and says, and what it refuses to write over."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from spoiling.preflight import unspoilt
from worlds.world import World

from kuryr_runbook.cli import main
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.phases.site import draft


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = unspoilt()
    monkeypatch.setattr(draft, "ProbingCloud", lambda *where: made)
    monkeypatch.setattr(draft, "ProbingCluster", lambda *where: made)
    return made


def test_a_site_file_is_written_and_described(tmp_path: Path) -> None:
    path = tmp_path / "my-cluster.yaml"
    result = CliRunner().invoke(main, ["init", str(path), "--cloud", "k8s"], terminal_width=80)
    assert result.exit_code == 0, result.output
    text = path.read_text()
    site = parse_site(text, path.name)
    assert (site.name, site.openstack.cloud) == ("my-cluster", "k8s")
    assert site.network.router == "k8s-router"
    assert "# NOT FOUND: the registry" in text
    assert "NOT FOUND" in result.stdout
    assert f"--site {path}" in result.stdout


def test_what_is_given_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    given = ["--image", "registry.test/kuryr", "--context", "mine", "--kubeconfig", "~/config"]
    result = CliRunner().invoke(main, ["init", str(path), *given])
    assert result.exit_code == 0, result.output
    site = parse_site(path.read_text(), path.name)
    assert site.image.repository == "registry.test/kuryr"
    assert site.kubernetes.context == "mine"
    assert site.kubernetes.kubeconfig == Path("~/config").expanduser()
    assert site.openstack.cloud == "envvars"
    assert "image.repository" not in result.stdout


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("mine")
    result = CliRunner().invoke(main, ["init", str(path)])
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert path.read_text() == "mine"


def test_a_name_that_no_site_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "My Site.yaml"
    result = CliRunner().invoke(main, ["init", str(path)])
    assert result.exit_code == 2
    assert "name" in result.stderr
    assert not path.exists()
