"""The sites of a fleet, from files as operators have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds.sites import LAB_TEXT

from kuryr_runbook.model.errors import ExitCode, UsageError
from kuryr_runbook.running.fleet.members import read_fleet

KUBECONFIG = """
clusters: [{{name: one, cluster: {{server: "{server}"}}}}]
contexts: [{{name: one, context: {{cluster: one, user: one}}}}]
users: [{{name: one, user: {{}}}}]
current-context: one
"""


def site(place: Path, name: str, server: str = "") -> Path:
    kubeconfig = place / f"{name}.kubeconfig"
    if server:
        kubeconfig.write_text(KUBECONFIG.format(server=server))
    text = LAB_TEXT.replace("name: lab\n", f"name: {name}\n", 1)
    text = text.replace("~/.local/state/kuryr-runbook/lab/kubeconfig", str(kubeconfig))
    file = place / f"{name}.yaml"
    file.write_text(text)
    return file


def test_a_broken_file_is_an_answer_and_the_others_are_members(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\n")
    files = [site(tmp_path, "a"), broken, tmp_path / "none.yaml", site(tmp_path, "b"), tmp_path]
    fleet = read_fleet(files)
    assert [it.name for it in fleet.members] == ["a", "b"]
    assert {it.status for it in fleet.broken} == {ExitCode.USAGE}
    errors = [it.error for it in fleet.broken]
    assert "network: is missing" in errors[0]
    assert "none.yaml cannot be read" in errors[1]
    assert "a directory" in errors[2]
    assert [it.file for it in fleet.in_order(fleet.broken)] == [broken, files[2], tmp_path]


def test_one_site_in_two_files_is_refused(tmp_path: Path) -> None:
    one = site(tmp_path, "a")
    copy = tmp_path / "copy.yaml"
    copy.write_text(one.read_text())
    with pytest.raises(UsageError, match=r"site a: .*a\.yaml, .*copy\.yaml"):
        read_fleet([one, copy])


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    one = site(tmp_path, "a")
    with pytest.raises(UsageError, match="given twice"):
        read_fleet([one, one])


def test_two_sites_of_one_cluster_are_refused_however_it_is_written(tmp_path: Path) -> None:
    one = site(tmp_path, "a", "https://API.example:443/")
    two = site(tmp_path, "b", "https://api.example")
    with pytest.raises(UsageError, match=r"cluster https://api\.example:443"):
        read_fleet([one, two, site(tmp_path, "c", "https://other.example:6443")])


def test_clusters_that_no_kubeconfig_names_may_be_any(tmp_path: Path) -> None:
    assert [it.server for it in read_fleet([site(tmp_path, "a"), site(tmp_path, "b")]).members] == [
        "", ""
    ]  # fmt: skip
