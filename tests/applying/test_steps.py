"""Carrying a plan out: order, concurrency, bulk requests, failures, interruption."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.applying import steps as steps_module
from kuryr_runbook.applying.steps import AT_ONCE, LISTEN_SECONDS, Executor, apply_plan
from kuryr_runbook.model.errors import ApplyError, DeadlineError, RunbookError
from kuryr_runbook.model.plan import Action, Done, Later, Plan, Step, Target, staged

DEADLINE = 30.0


def target(name: object, kind: str = "thing") -> Target:
    return Target(kind, str(name))


def step(name: object, *needs: object, action: Action = Action.CREATE, kind: str = "thing") -> Step:
    return Step(
        action=action,
        target=target(name, kind),
        because="wanted",
        id=f"id of {name}" if action is not Action.CREATE else None,
        body={f"to {need}": Later(target(need)) for need in needs},
    )


def plan(*steps: Step) -> Plan:
    return Plan(phase="testing", steps=steps)


def quiet(_: str) -> None:
    pass


class Noting(Executor):
    """Remembers what it was asked, and gives every target an id."""

    def __init__(self, act: Callable[[Step, Any], None] = lambda step, say: None) -> None:
        self.done: list[str] = []
        self.bodies: dict[str, Any] = {}
        self.requests: list[list[str]] = []
        self.act = act

    def execute(self, step: Step, body: Any, say: Any) -> Any:
        self.act(step, say)
        self.done.append(step.target.name)
        self.bodies[step.target.name] = body
        self.requests.append([step.target.name])
        return {"id": f"id of {step.target.name}"}


class Bulk(Noting):
    """Can make things together."""

    def bulk(self, step: Step) -> str | None:
        return step.target.kind if step.action is Action.CREATE else None

    def execute_bulk(self, key: str, bodies: Sequence[Any]) -> Any:
        self.requests.append([str(len(bodies))])
        return [{"id": f"{key} {number}"} for number, _ in enumerate(bodies)]


def test_what_is_known_later_is_resolved() -> None:
    noting = Noting()
    outcomes = apply_plan(
        plan(step("old", action=Action.KEEP), step("a", "old"), step("b", "a")), noting, quiet
    )
    assert noting.bodies == {"a": {"to old": "id of old"}, "b": {"to a": "id of a"}}
    assert [outcome.done for outcome in outcomes] == [Done.KEPT, Done.DONE, Done.DONE]


@given(st.data())
def test_every_step_comes_after_what_it_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    steps = [
        step(number, *data.draw(st.sets(st.integers(0, number - 1))) if number else ())
        for number in range(count)
    ]
    noting = Noting()
    outcomes = apply_plan(plan(*steps), noting, quiet)
    assert [outcome.step for outcome in outcomes] == steps
    place = {name: position for position, name in enumerate(noting.done)}
    for each in steps:
        assert all(place[need.name] < place[each.target.name] for need in each.needs)


def test_independent_steps_run_at_once() -> None:
    all_there = threading.Barrier(AT_ONCE)

    def meet(step: Step, say: Any) -> None:
        all_there.wait(DEADLINE)

    apply_plan(plan(*(step(number) for number in range(AT_ONCE))), Noting(meet), quiet)


def test_a_single_step_runs_in_the_callers_thread() -> None:
    threads = []
    noting = Noting(lambda step, say: threads.append(threading.current_thread()))
    apply_plan(plan(step("a"), step("b", "a")), noting, quiet)
    assert set(threads) == {threading.current_thread()}


def test_what_threads_say_is_reported_by_the_caller() -> None:
    reported = []
    noting = Noting(lambda step, say: say(f"waiting for {step.target.name}"))
    apply_plan(
        plan(step("a"), step("b")),
        noting,
        lambda line: reported.append((line, threading.current_thread())),
    )
    assert {"waiting for a", "waiting for b"} <= {line for line, _ in reported}
    assert {thread for _, thread in reported} == {threading.current_thread()}


def test_creations_of_one_kind_go_together_and_know_their_own_ids() -> None:
    bulk = Bulk()
    apply_plan(plan(step("a"), step("b"), step("c", "a", "b")), bulk, quiet)
    assert bulk.requests == [["2"], ["c"]]
    assert bulk.bodies["c"] == {"to a": "thing 0", "to b": "thing 1"}


def test_a_failure_lets_run_what_runs_and_begins_nothing_more() -> None:
    failed = threading.Event()

    def act(step: Step, say: Any) -> None:
        if step.target.name == "bad":
            failed.set()
            raise DeadlineError("it took too long", remedy="look at it")
        if step.target.name == "slow":
            assert failed.wait(DEADLINE)

    noting = Noting(act)
    with pytest.raises(ApplyError) as caught:
        apply_plan(plan(step("slow"), step("bad"), step("next", "slow")), noting, quiet)
    assert noting.done == ["slow"]
    assert caught.value.message.splitlines() == [
        "testing: create thing bad failed: it took too long",
        "  done, and not undone: thing slow",
        "  not reached: thing next",
    ]
    assert caught.value.remedy == "look at it"


def test_what_is_no_error_of_ours_comes_through() -> None:
    def act(step: Step, say: Any) -> None:
        raise KeyError(step.target.name)

    for names in (["a"], ["a", "b"]):
        with pytest.raises(KeyError):
            apply_plan(plan(*map(step, names)), Noting(act), quiet)


def test_stages_follow_each_other_and_an_empty_one_holds_nothing_up() -> None:
    steps = staged([step("a"), step("b")], [], [step("c")])
    assert [sorted(need.name for need in each.needs) for each in steps] == [[], [], ["a", "b"]]


def test_a_target_with_two_steps_is_waited_for_as_far_as_it_comes_before() -> None:
    twice = staged([step("port")], [step("between")], [step("port", action=Action.UPDATE)])
    noting = Noting()
    apply_plan(plan(*twice), noting, quiet)
    assert noting.done == ["port", "between", "port"]


def test_a_plan_out_of_order_is_no_plan() -> None:
    with pytest.raises(ValueError, match="thing b is before thing a"):
        plan(step("b", "a"), step("a"))


def test_errors_of_several_steps_are_all_reported() -> None:
    together = threading.Barrier(2)

    def act(step: Step, say: Any) -> None:
        together.wait(DEADLINE)
        raise RunbookError(f"no {step.target.name}")

    with pytest.raises(ApplyError, match=r"no a\n.*no b|no b\n.*no a"):
        apply_plan(plan(step("a"), step("b")), Noting(act), quiet)


def test_after_a_failure_nothing_more_is_begun_however_much_is_ready() -> None:
    def fail(step: Step, say: Any) -> None:
        raise ApplyError(f"{step.target} refused")

    noting = Noting(fail)
    begun: list[str] = []
    with pytest.raises(ApplyError, match="not reached"):
        apply_plan(plan(*(step(number) for number in range(5 * AT_ONCE))), noting, begun.append)
    assert len(begun) <= 2 * AT_ONCE


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_what_was_cut_off_in_the_callers_thread_is_not_reported_as_unreached(
    error: type[BaseException],
) -> None:
    def act(step: Step, say: Any) -> None:
        if step.target.name == "b":
            raise error

    reported: list[str] = []
    with pytest.raises(error):
        apply_plan(plan(step("a"), step("b", "a"), step("c", "b")), Noting(act), reported.append)
    assert reported[-3:] == [
        "done, and not undone: thing a",
        "interrupted, and perhaps done: thing b",
        "not reached: thing c",
    ]


def slowly(step: Step, say: Any) -> None:
    """As a step that a stop of the plan finds at work."""
    if step.target.name == "bad":
        raise KeyError
    time.sleep(3 * LISTEN_SECONDS)
    say(f"{step.target.name} ends")
    if step.target.name == "worse":
        raise DeadlineError("it took too long")


STANDING = [
    "testing: create thing worse failed: it took too long",
    "done, and not undone: thing slow",
]


def test_what_ran_beside_an_error_that_is_not_ours_is_reported_when_it_has_ended() -> None:
    reported: list[str] = []
    steps = (step("slow"), step("worse"), step("bad"), step("next", "slow"))
    with pytest.raises(KeyError):
        apply_plan(plan(*steps), Noting(slowly), reported.append)
    assert "slow ends" in reported
    assert reported[-4:] == [
        *STANDING,
        "interrupted, and perhaps done: thing bad",
        "not reached: thing next",
    ]


def test_what_ran_at_ctrl_c_is_reported_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(steps_module, "wait", interrupted)
    reported: list[str] = []
    steps = (step("slow"), step("worse"), step("next", "slow"))
    with pytest.raises(KeyboardInterrupt):
        apply_plan(plan(*steps), Noting(slowly), reported.append)
    assert "slow ends" in reported
    assert reported[-3:] == [*STANDING, "not reached: thing next"]
