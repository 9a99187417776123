"""What diagnosis reads: once, bounded, without secrets, and the same again from a file."""

from __future__ import annotations

import copy
import json
import secrets
from base64 import b64decode
from collections import Counter
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError, UnreachableError, UsageError
from kuryr_runbook.snapshots.cluster.configured import HIDDEN
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.diagnosis import (
    FORMAT,
    VERSION,
    load_snapshot,
    read_diagnosis,
    save_snapshot,
)
from kuryr_runbook.snapshots.parsing import time
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.scrubbing import LENGTH, scrubbed
from kuryr_runbook.specs.controller import CONFIG_KEY
from kuryr_runbook.specs.manifests import encoded

NOBODY = Unreadable("there is nobody")
SNAPSHOT = World(2).read()


def test_each_type_is_listed_once_however_many_pods_there_are() -> None:
    few, many = World(20), World(90)
    few.read()
    many.read()
    lists = Counter(few.asked)
    # Octavia has no list over all pools' members, and the service network's ports are a list more.
    assert {what: n for what, n in lists.items() if n > 1} == {"port": 2, "member": 3}
    assert lists - Counter(many.asked) == Counter()
    assert Counter(many.asked) - lists == Counter({"member": 7})


@pytest.mark.parametrize(
    ("driver", "release"),
    [(VifDriver.NESTED_MACVLAN, "stein"), (VifDriver.NESTED_VLAN, "2024.1")],
)
def test_the_interface_is_read_where_the_release_keeps_it(driver: VifDriver, release: str) -> None:
    snapshot = World(3, driver, release).read()
    assert not isinstance(snapshot.cluster.pods, Unreadable)
    assert not isinstance(snapshot.cluster.kuryr_objects, Unreadable)
    of_pods = [it.vif for it in snapshot.cluster.pods]
    reported = [*of_pods, *(it.vif for it in snapshot.cluster.kuryr_objects)]
    vifs = [vif for vif in reported if isinstance(vif, PodVif)]
    assert [vif.port_id for vif in vifs] == ["port-web-0", "port-web-1", "port-web-2"]


def test_trunks_are_asked_for_only_where_the_driver_makes_them() -> None:
    world = World()
    world.read()
    assert "trunk" not in world.asked


def test_what_cannot_be_read_says_so_and_the_rest_is_read() -> None:
    world = World()
    world.broken = {"port": AccessError("no"), "Event": AccessError("nor that", remedy="ask")}
    snapshot = world.read()
    assert snapshot.cloud.ports == Unreadable("no")
    assert snapshot.cluster.events == Unreadable("nor that", "ask")
    assert not isinstance(snapshot.cluster.pods, Unreadable)
    assert not isinstance(snapshot.cloud.groups, Unreadable)


def test_one_log_that_cannot_be_read_hides_no_program() -> None:
    world = World()
    world.broken = {"log kuryr-controller-0": UnreachableError("gone")}
    programs = world.read().cluster.programs
    assert not isinstance(programs, Unreadable)
    assert programs.controllers[0].log == Unreadable("gone")


def test_logs_are_read_of_daemons_that_are_in_trouble_and_of_few() -> None:
    world = World(900)
    for item in world.objects["Pod"]:
        if item["metadata"].get("labels", {}).get("name") == "kuryr-daemon":
            item["status"]["conditions"] = []
    world.read()
    assert sum(what.startswith("log kuryr-daemon") for what in world.asked) == 5


def test_a_healthy_daemon_on_a_node_with_a_pod_that_could_not_be_plugged_is_read_too() -> None:
    world = World()
    world.warn("web-1", "CNI Daemon returned error 500")
    world.read()
    assert [it for it in world.asked if it.startswith("log kuryr-daemon")] == ["log kuryr-daemon-1"]


def test_a_file_gives_the_same_back_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    world = World()
    world.broken = {"router": AccessError("no")}
    world.object("Pod", "web-1")["metadata"]["annotations"]["openstack.org/kuryr-vif"] = "{}"
    snapshot, file = world.read(), tmp_path / "snapshot.json"
    save_snapshot(snapshot, file)
    assert load_snapshot(file) == snapshot
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_at_all_can_be_saved_too(tmp_path: Path) -> None:
    snapshot, file = read_diagnosis(World().site, NOBODY, NOBODY), tmp_path / "snapshot.json"
    save_snapshot(snapshot, file)
    assert load_snapshot(file) == snapshot


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not usable JSON: line 1"),
        ("[]", "not a snapshot for diagnosis"),
        ('{"format": "another"}', "not a snapshot for diagnosis"),
        (json.dumps({"format": FORMAT, "version": 99}), "version 99"),
        (json.dumps({"format": FORMAT, "version": VERSION, "snapshot": {}}), "damaged: taken_at"),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        load_snapshot(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_was_edited_is_read_or_refused(tmp_path: Path, data: Any) -> None:
    file = tmp_path / "snapshot.json"
    save_snapshot(SNAPSHOT, file)
    document = json.loads(file.read_text())
    place: Any = document["snapshot"]
    for _ in range(data.draw(st.integers(0, 4))):
        keys = [*place] if isinstance(place, dict) else [*range(len(place))]
        inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if not inner:
            break
        place = place[data.draw(st.sampled_from(inner))]
    keys = [*place] if isinstance(place, dict) else [*range(len(place))]
    place[data.draw(st.sampled_from(keys))] = data.draw(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
    )
    file.write_text(json.dumps(document))
    with suppress(UsageError):
        load_snapshot(file)


def test_a_file_that_is_not_there_and_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_snapshot(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be written"):
        save_snapshot(World().read(), tmp_path / "none" / "snapshot.json")


def test_no_secret_is_kept(tmp_path: Path) -> None:
    world, canary = World(), secrets.token_hex(12)
    pod = world.object("Pod", "web-1")
    pod["metadata"]["annotations"]["login"] = canary
    pod["spec"]["containers"] = [{"env": [{"name": "KEY", "value": canary}], "args": [canary]}]
    world.object("Service", "web-0")["metadata"]["annotations"] = {"token": canary}
    world.warn("web-1", f"failed: OS_PASSWORD={canary}")
    world.logs["kuryr-controller-0"] = f"ERROR password: {canary}\nERROR https://me:{canary}@host/"
    [secret] = world.objects["Secret"]
    conf = b64decode(secret["data"][CONFIG_KEY]).decode()
    edited = conf.replace("p4ssw0rd", canary) + f"\n[neutron_defaults]\nby_hand = {canary}\n"
    assert edited.count(canary) == 2
    secret["data"][CONFIG_KEY] = encoded(edited)
    file = tmp_path / "snapshot.json"
    save_snapshot(world.read(), file)
    assert canary not in file.read_text()
    assert HIDDEN in file.read_text()


VALUES = st.text("abcdefghijklmnop0123456789ABCDEF!#%-_", min_size=8, max_size=30)


@given(
    value=VALUES,
    form=st.sampled_from(
        [
            "password={}", "'OS_PASSWORD': '{}'", '"token": "{}"', "X-Auth-Token: {}",
            "Authorization: Bearer {}", "secret is {}", "application_credential_secret = {}",
            "api_key={}", "https://user:{}@example.org/",
        ]
    ),
)  # fmt: skip
def test_secrets_are_taken_out_of_texts(value: str, form: str) -> None:
    assert value not in scrubbed(f"ERROR it failed: {form.format(value)}, for no reason")


def test_tokens_are_known_by_their_looks_and_ids_stay() -> None:
    request = "req-3c1c6b0e-8a6c-4f7c-9c1a-0d3b4e5f6a7b"
    assert scrubbed(f"{request} port 6b2ad4e8b1b24e4a9d7e1e4a3c6b2f10") == (
        f"{request} port 6b2ad4e8b1b24e4a9d7e1e4a3c6b2f10"
    )
    assert scrubbed(f"sent {secrets.token_urlsafe(40)}") == "sent ***"
    assert scrubbed("sent gAAAAABabc") == "sent ***"


def test_of_objects_in_a_log_only_refusals_are_kept() -> None:
    env = "{'spec': {'containers': [{'env': [{'name': 'P', 'value': 'hunter2'}]}]}}"
    assert scrubbed(f"ERROR Failed to handle event {env}: KeyError") == (
        "ERROR Failed to handle event {...}: KeyError"
    )
    assert scrubbed(f"ERROR Failed to handle event {env[:60]}") == (
        "ERROR Failed to handle event {...}"
    )
    refusal = '{"kind":"Status","message":"Unauthorized","code":401}'
    assert scrubbed(f"K8sClientException: {refusal}") == f"K8sClientException: {refusal}"


def test_a_program_that_never_started_has_no_log_to_be_read() -> None:
    world = World()
    container = world.program_pod("kuryr-controller")["status"]["containerStatuses"][0]
    container["state"] = {"waiting": {"reason": "ImagePullBackOff"}}
    world.read()
    assert "log kuryr-controller-0" not in world.asked


@given(st.text(max_size=2000))
def test_texts_are_short(text: str) -> None:
    assert len(scrubbed(text)) <= max(LENGTH, len("***"))


@pytest.mark.parametrize("text", ["2026-11-26T10:00:00Z", "2026-11-26T10:00:00"])
def test_times_of_kubernetes_and_openstack_are_utc(text: str) -> None:
    found = time(text)
    assert found is not None
    assert found.isoformat() == "2026-11-26T10:00:00+00:00"


@pytest.mark.parametrize("text", [None, 3, "", "yesterday"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert time(text) is None


NEW = World(driver=VifDriver.NESTED_VLAN, release="2024.1")


@pytest.mark.parametrize("kind", sorted(NEW.objects))
def test_an_object_without_a_name_makes_its_list_unreadable_and_ends_nothing(kind: str) -> None:
    world = copy.deepcopy(NEW)
    whole = world.read().cluster
    world.objects[kind].append({"kind": kind, "metadata": {}})
    cluster = world.read().cluster
    lost = {
        field.name
        for field in fields(cluster)
        if isinstance(getattr(cluster, field.name), Unreadable)
        and not isinstance(getattr(whole, field.name), Unreadable)
    }
    of_any_name = ("Event", "Namespace", "Secret", "ConfigMap", "CustomResourceDefinition")
    assert bool(lost) is (kind not in of_any_name), lost
