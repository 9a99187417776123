"""Commands against a cloud and cluster that misbehave: one message, and the exit code for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from worlds.memory_cloud import cluster_cloud
from worlds.misbehaving import WAYS, misbehaving
from worlds.served_apis import ServedApis
from worlds.sites import LAB

from kuryr_runbook.cli import main
from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import Bounds

TINY = Bounds(connect=2.0, silence=0.2, whole=0.3, size=3 << 20)
SOME = (
    "accepts only", "a body byte by byte", "10 GB in chunks", "redirects without end", "garbage",
    "a page", "null", "deep JSON", "controls with 403", "401", "500", "nonsense in chunks",
)  # fmt: skip
COMMANDS: dict[str, tuple[tuple[str, ...], set[int]]] = {
    "plan": (("plan", "--only", "openstack_prep"), {1, 6}),
    # What could not be looked at is a finding, and 5.
    "diagnose": (("diagnose", "--json"), {5}),
    "rotate-credentials": (("rotate-credentials", "--dry-run"), {1, 6}),
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, own_state: None) -> None:
    for name in ("API", "PROBE", "LEASE", "WORDS", "FILE", "LOGIN"):
        monkeypatch.setattr(exchanges, name, TINY)
    for module in ("openstack.session", "kubernetes.session", "openstack.probes"):
        seconds: object = 0.0
        if module == "openstack.session":
            seconds = {"network": 0.0, "load_balancer": 0.0, "identity": 0.0}
        monkeypatch.setattr(f"kuryr_runbook.clients.{module}.PATIENCE_SECONDS", seconds)


def site_at(url: str, folder: Path) -> Path:
    """A site whose cloud and cluster are there."""
    apis = ServedApis(cluster_cloud({"master": "172.18.0.10"}), {"master": "172.18.0.10"}, url=url)
    (folder / "clouds.yaml").write_text(yaml.safe_dump(apis.clouds_yaml()))
    (folder / "kubeconfig").write_text(yaml.safe_dump(apis.kubeconfig()))
    site = yaml.safe_load(LAB.read_text())
    site["openstack"] |= {"cloud": "k8s", "clouds_yaml": str(folder / "clouds.yaml")}
    site["kubernetes"] |= {"kubeconfig": str(folder / "kubeconfig")}
    site["kubernetes"].pop("context", None)
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(site))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def expect(result: Result, statuses: set[int]) -> None:
    """One message of ours, and nothing of Python's."""
    assert result.exit_code in statuses, result.output
    assert isinstance(result.exception, SystemExit | None)
    assert "Traceback" not in result.output
    assert "bug in the runbook" not in result.output
    assert "\x1b" not in result.output
    assert len(result.stderr) < 20_000


@pytest.mark.parametrize("way", SOME)
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_end_with_their_exit_code(name: str, way: str, tmp_path: Path) -> None:
    arguments, statuses = COMMANDS[name]
    with misbehaving(way) as server:
        command, *options = arguments
        result = run(command, "--site", str(site_at(server.url, tmp_path)), *options)
    expect(result, statuses)
    if name == "diagnose":
        assert json.loads(result.stdout)


@pytest.mark.parametrize("way", SOME)
def test_init_marks_what_it_could_not_find(way: str, tmp_path: Path) -> None:
    with misbehaving(way) as server:
        site_at(server.url, tmp_path)
        result = run(
            "init", str(tmp_path / "new.yaml"), "--cloud", "k8s",
            "--clouds-yaml", str(tmp_path / "clouds.yaml"),
            "--kubeconfig", str(tmp_path / "kubeconfig"),
        )  # fmt: skip
    expect(result, {0, 1, 2, 5, 6})


def wrong_types(value: object) -> object:
    """The same shape, with another type in the place of each value that holds no other."""
    match value:
        case dict():
            return {name: wrong_types(item) for name, item in value.items()}
        case list():
            return [wrong_types(item) for item in value]
        case str():
            return 7
        case None:
            return [None]
    return {"x": "y"}


def flattened(value: object) -> object:
    """Where an object or a list belongs within an answer, there is a text."""
    if isinstance(value, dict):
        return {name: "x" if isinstance(item, dict) else [1, "x"] for name, item in value.items()}
    return value


@pytest.mark.parametrize("change", [wrong_types, flattened], ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_types_in_all_fields_are_reported_as_such(
    name: str, change: Callable[[object], object], tmp_path: Path
) -> None:
    nodes = {"master": "172.18.0.10"}
    apis = ServedApis(cluster_cloud(nodes), nodes)

    def good(method: str, path: str) -> tuple[int, object] | None:
        try:
            status, body = apis.answer(method, path.partition("?")[0])
        except AssertionError:
            return 404, {}
        return status, body if "/identity" in path else change(body)

    with misbehaving("a page", good) as server:
        apis.url = server.url
        command, *options = COMMANDS[name][0]
        result = run(command, "--site", str(site_at(server.url, tmp_path)), *options)
    expect(result, {1, 2, 4, 5, 6})


def test_the_chosen_ways_are_ways() -> None:
    assert set(SOME) <= set(WAYS)
