"""What pods answer, read with suspicion."""

import json
import time
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.sites import lab_site

from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import (
    AT_ONCE,
    Answer,
    PodProbe,
    parse_probe,
    read_probes,
)
from kuryr_runbook.specs.workload import Targets

YES = {"ok": True, "said": "answers"}
SEEN = {"ok": True, "said": "kuryr-demo-c", "seen": "10.1.0.6"}
FOUND: dict[str, Any] = {
    "ping": {"10.1.0.5": YES},
    "large": {"10.1.0.5": YES},
    "tcp": {"10.1.0.5": SEEN},
    "vip": [SEEN],
    "api": YES,
    "dns": None,
}


def test_answers_are_read_from_the_last_line() -> None:
    output = "a warning on stderr\n" + json.dumps(FOUND) + "\n"
    probe = parse_probe(Executed(status=0, output=output))
    assert isinstance(probe, PodProbe)
    assert probe.pings["10.1.0.5"] == probe.api == Answer(ok=True, said="answers")
    assert probe.tcp["10.1.0.5"] == Answer(ok=True, said="kuryr-demo-c", seen="10.1.0.6")
    assert probe.dns is None


@pytest.mark.parametrize(
    ("status", "output", "reported"),
    [
        (1, "Traceback\nModuleNotFoundError: json", "status 1: ModuleNotFoundError: json"),
        (127, "", "status 127"),
        (0, "", "cannot be read"),
        (0, "{}", "cannot be read"),
        (0, json.dumps({**FOUND, "ping": []}), "cannot be read"),
        (0, json.dumps({**FOUND, "api": {"ok": "yes", "said": ""}}), "'yes' is not an answer"),
        (0, json.dumps({**FOUND, "api": {"ok": 1, "said": ""}}), "1 is not an answer"),
        (0, json.dumps({**FOUND, "dns": {"ok": True}}), "'said'"),
    ],
)
def test_no_answer_is_unreadable_and_never_a_no(status: int, output: str, reported: str) -> None:
    probe = parse_probe(Executed(status=status, output=output))
    assert isinstance(probe, Unreadable)
    assert reported in probe.reason


@given(st.integers(0, 255), st.text())
def test_no_output_makes_it_raise(status: int, output: str) -> None:
    assert isinstance(parse_probe(Executed(status=status, output=output)), Unreadable)


class Pods:
    """Answers for every pod but `kuryr-demo-b`, and keeps what was run."""

    def __init__(self) -> None:
        self.asked: dict[str, dict[str, Any]] = {}

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        assert pod not in self.asked, "one command in each pod"
        self.asked[pod] = json.loads(command[-1])
        if pod == "kuryr-demo-b":
            raise ApplyError("exec in pod: the kubelet does not answer")
        return Executed(status=0, output=json.dumps(FOUND))


def test_every_pod_is_asked_once_and_a_mute_one_does_not_stop_the_others() -> None:
    pods = {"kuryr-demo-a": "10.1.0.5", "kuryr-demo-b": "10.1.0.6", "kuryr-demo-c": "10.1.0.7"}
    executor = Pods()
    targets = Targets(pods=pods, cluster_ip="10.2.0.40", packet=1450, dns="")
    probes = read_probes(lab_site(), executor, targets)
    assert list(probes) == list(pods)
    assert probes["kuryr-demo-b"] == Unreadable("exec in pod: the kubelet does not answer")
    assert isinstance(probes["kuryr-demo-c"], PodProbe)
    assert executor.asked["kuryr-demo-a"]["peers"] == ["10.1.0.6", "10.1.0.7"]


def test_the_pods_are_asked_several_at_a_time_and_not_all_at_once() -> None:
    lock, running, most = Lock(), 0, 0

    class Busy:
        def execute(self, *_: Any, **__: Any) -> Executed:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.002)
            with lock:
                running -= 1
            return Executed(status=0, output=json.dumps(FOUND))

    pods = {f"kuryr-demo-{index}": f"10.1.0.{index}" for index in range(64)}
    targets = Targets(pods=pods, cluster_ip="", packet=0, dns="")
    assert len(read_probes(lab_site(), Busy(), targets)) == 64
    assert 1 < most <= AT_ONCE
