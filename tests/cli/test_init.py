"""The command `init`: what it writes and says, and what it refuses to write over."""

import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import yaml
from click.testing import CliRunner, Result
from spoiling.preflight import unspoilt
from support.json_schemas import refusal
from worlds.world import World

from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.phases.site import draft
from kuryr_runbook.phases.site.probing import Question
from kuryr_runbook.snapshots.cluster.node_probes import Probed
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.reading import Unreadable


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for variable in ("OS_CLOUD", "OS_AUTH_URL"):
        monkeypatch.delenv(variable, raising=False)
    made = unspoilt()
    made.interfaces = dict.fromkeys(("worker1", "worker2"), ("ens3", "ens4"))
    monkeypatch.setattr(draft, "ProbingCloud", lambda *where: made)
    monkeypatch.setattr(draft, "ProbingCluster", lambda *where: made)
    return made


def init(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["init", str(path), *options], terminal_width=80)


def filled(text: str) -> str:
    return re.sub("(?m)^  link_iface: .*$", "  link_iface: ens7", text)


def schema_of(path: Path) -> Path:
    """The file that the first line names, as an editor reads it."""
    first = path.read_text().partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=file:///")
    return Path(url2pathname(urlsplit(first.partition("=")[2]).path))


def test_a_site_file_is_written_and_its_blanks_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "my-cluster.yaml"
    result = init(path, "--cloud", "k8s")
    assert result.exit_code == 0, result.output
    text = path.read_text()
    with pytest.raises(SiteError) as caught:
        parse_site(text, path.name)
    lines = text.splitlines()
    for key in ("kuryr.link_iface", "image.repository"):
        name = key.rpartition(".")[2]
        [line] = [n for n, it in enumerate(lines, 1) if re.match(f"  {name}: .LOOK UP: ", it)]
        assert f"{key} (line {line}): is blank:" in str(caught.value)
        assert re.search(rf"^{line} +{key} ", result.stdout, re.MULTILINE)
    assert str(caught.value).count("is blank") == 2
    assert "fill in what is blank" in result.stdout
    assert f"--site {path}" in result.stdout


def test_what_is_filled_in_afterwards_is_a_site(tmp_path: Path) -> None:
    path = tmp_path / "my-cluster.yaml"
    assert init(path, "--cloud", "k8s", "--image", "registry.test/kuryr").exit_code == 0
    text = filled(path.read_text())
    site = parse_site(text, path.name)
    assert (site.name, site.openstack.cloud) == ("my-cluster", "k8s")
    assert (site.network.router, site.kuryr.link_iface) == ("k8s-router", "ens7")


def test_nodes_are_looked_at_only_when_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []

    def ask_nodes(question: Question, nodes: tuple[Node, ...], cluster: object) -> object:
        asked.append(question)
        return tuple(Probed(node=node.name, pull="", own="ens4") for node in nodes)

    monkeypatch.setattr(draft, "ask_nodes", ask_nodes)
    monkeypatch.setattr(draft, "KubernetesClient", lambda *where: None)
    assert init(tmp_path / "a.yaml").exit_code == 0
    assert asked == []
    result = init(tmp_path / "b.yaml", "--probe-nodes", "--probe-image", "r.test/sh:1")
    assert result.exit_code == 0, result.output
    assert yaml.safe_load((tmp_path / "b.yaml").read_text())["kuryr"]["link_iface"] == "ens4"
    assert [(it.look, it.pull, it.namespace) for it in asked] == [
        ("r.test/sh:1", "", "kube-system")
    ]
    refused = init(tmp_path / "c.yaml", "--probe-image", "r.test/sh:1")
    assert refused.exit_code == 2
    assert "--probe-nodes" in refused.stderr


def test_nodes_that_cannot_be_looked_at_leave_a_blank_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "KubernetesClient", lambda *where: None)
    monkeypatch.setattr(draft, "ask_nodes", lambda *given: Unreadable("pods is forbidden"))
    result = init(tmp_path / "a.yaml", "--probe-nodes")
    assert result.exit_code == 0, result.output
    assert "the nodes could not be looked at: pods is forbidden" in result.stderr
    assert "link_iface: 'LOOK UP:" in (tmp_path / "a.yaml").read_text().replace('"', "'")


def test_what_is_given_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_URL", "https://keystone.test")
    path = tmp_path / "site.yaml"
    given = ["--image", "registry.test/kuryr", "--context", "mine", "--kubeconfig", "~/config"]
    result = init(path, *given)
    assert result.exit_code == 0, result.output
    values = yaml.safe_load(path.read_text())
    assert values["image"]["repository"] == "registry.test/kuryr"
    assert values["kubernetes"]["context"] == "mine"
    assert values["kubernetes"]["kubeconfig"] == "~/config"
    assert values["openstack"]["cloud"] == "envvars"
    assert "image.repository" not in result.stdout


def test_without_any_login_the_cloud_stays_blank(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    result = init(path)
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(path.read_text())["openstack"]["cloud"].startswith("LOOK UP:")
    assert "OS_CLOUD and OS_AUTH_URL are not set" in re.sub(r"\s+", " ", result.stdout)


def test_the_entry_that_the_environment_names_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLOUD", "theirs")
    path = tmp_path / "site.yaml"
    assert init(path).exit_code == 0
    assert yaml.safe_load(path.read_text())["openstack"]["cloud"] == "theirs"


def test_an_editor_finds_the_schema_and_accepts_the_file_once_it_is_filled_in(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my cluster's.d" / "site.yaml"
    path.parent.mkdir()
    assert init(path, "--cloud", "k8s", "--image", "registry.test/kuryr").exit_code == 0
    schema = ("--schemafile", str(schema_of(path)))
    assert "link_iface" in refusal(path, *schema)
    path.write_text(filled(path.read_text()))
    assert refusal(path, *schema) == ""


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("mine")
    result = init(path)
    assert result.exit_code == 2
    assert "already exists" in result.stderr
    assert path.read_text() == "mine"


def test_a_name_that_no_site_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "My Site.yaml"
    result = init(path)
    assert result.exit_code == 2
    assert "name" in result.stderr
    assert not path.exists()
