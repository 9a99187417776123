"""What people make of records: differences, and the archive file."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from runs.recorded import FINDING, STEP, a_phase, recorded, run_facts
from support.pages import Page

from kuryr_runbook.display.records import differences_view, record_view
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.recording.comparing import compare
from kuryr_runbook.recording.exporting import export_records
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify


def test_runs_that_did_the_same_do_not_differ(tmp_path: Path) -> None:
    one, other = run_facts(tmp_path / "r01"), run_facts(tmp_path / "r02")
    assert compare(one, other) == {}
    assert "do not differ" in differences_view("r01", "r02", {}).text


def test_every_kind_of_difference_is_found(tmp_path: Path) -> None:
    before = run_facts(tmp_path / "r01")
    site = {**before["site"], "parameters": {"network": {"router": "other"}}}
    changed = [
        a_phase(
            "openstack_prep",
            plan={"steps": [{**STEP, "action": "keep", "id": "1"}]},
            ids={"kuryr_pod_subnet_id": "2"},
        ),
        a_phase(
            "controller",
            status="FAILED",
            findings=[{**FINDING, "status": "fail", "evidence": "503"}],
            image={"name": "kuryr", "digest": "sha256:1", "labels": {}},
            plugins={"sha256": ["a"]},
        ),
    ]
    after = run_facts(
        tmp_path / "r02",
        site=site,
        runbook={"version": "0.2.0"},
        cloud={"cloud": "other"},
        cluster={},
        phases=changed,
    )
    found = compare(before, after)
    reported = {
        name: {c.field: (c.before, c.after) for c in items} for name, items in found.items()
    }
    assert reported["parameters"] == {"network.router": ("k8s-router", "other")}
    assert reported["versions"]["version"] == ("0.1.0", "0.2.0")
    assert reported["versions"]["commit"] == ("f" * 40, "absent")
    assert reported["cloud"]["cloud"] == ("k8s", "other")
    assert reported["cluster"] == {"server": ("https://172.18.0.10:6443", "absent")}
    assert reported["phases"] == {"controller": ("SUCCEEDED", "FAILED")}
    assert reported["plans"] == {"openstack_prep: subnet kuryr-pod-subnet": ("create", "keep")}
    assert reported["findings"] == {
        "controller: ready kuryr-controller-0": ("pass (200)", "fail (503)")
    }
    assert reported["digests"]["controller: image.digest"] == ("absent", "sha256:1")
    assert reported["digests"]["controller: plugins.sha256"] == ("absent", '["a"]')
    assert reported["ids"]["kuryr_pod_subnet_id"] == ("1", "2")
    text = differences_view("r01", "r02", found).text
    assert max(map(len, text.splitlines())) <= 80
    assert "k8s-router" in text


def test_a_record_is_shown_in_80_columns(tmp_path: Path) -> None:
    phase = a_phase("image_build", image={"name": "kuryr", "digest": "sha256:1", "labels": {}})
    text = record_view(recorded(tmp_path, "r01", phases=[phase]).predicate).text
    assert max(map(len, text.splitlines())) <= 80
    for part in ("kuryr sha256:1", "operator on there", "SUCCEEDED", "image_build"):
        assert part in text


def test_an_archive_file_holds_all_and_verifies_elsewhere(tmp_path: Path) -> None:
    records = [recorded(tmp_path / "lab", name) for name in ("r01", "r02")]
    target = tmp_path / "lab.tar.gz"
    export_records(records, [public_path(key_path(None))], target)
    with tarfile.open(target) as archive:
        archive.extractall(tmp_path / "out", filter="data")
        assert {member.uname for member in archive} == {""}
    out = tmp_path / "out" / "lab"
    assert (out / "index.html").is_file()
    keys = load_public_keys([*(out / "keys").iterdir()])
    assert verify(standing_in([out]), keys, {}).problems == ()
    for page in out.rglob("*.html"):
        links = [link.partition("#")[0] for link in Page(page.read_text()).links()]
        assert not [link for link in links if link and not (page.parent / link).is_file()]
    with pytest.raises(UsageError, match="already exists"):
        export_records(records, [], target)
    twins = [recorded(tmp_path / place, "r09") for place in ("here", "there")]
    with pytest.raises(UsageError, match="several of these runs are named r09"):
        export_records(twins, [], tmp_path / "none.tar.gz")
    with pytest.raises(UsageError, match="no record"):
        export_records([], [], tmp_path / "none.tar.gz")
