"""Carry out a plan: independent steps at the same time; report what was done and what was not."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

from kuryr_runbook.model.bodies import Body
from kuryr_runbook.model.errors import ApplyError, RunbookError
from kuryr_runbook.model.plan import Action, Done, Outcome, Plan, Step, Target, resolve

AT_ONCE = 8
"""Changing requests at the same time: enough to hide latency, but not too many for rate limits."""
LISTEN_SECONDS = 0.2

Known = Mapping[str, Any]
Say = Callable[[str], None]


class Executor(ABC):
    """Does the steps of a plan. Its methods are called in several threads at the same time."""

    @abstractmethod
    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step with its resolved body; returns what later steps may refer to."""

    def bulk(self, step: Step) -> str | None:
        """A key shared by steps that one request can do together; None: the step goes alone."""
        return None

    def execute_bulk(self, key: str, bodies: Sequence[Body]) -> Sequence[Known]:
        """Do the steps of that key with these bodies, in one request; all of them or none."""
        raise NotImplementedError(key)


def apply_plan(plan: Plan, executor: Executor, say: Say) -> list[Outcome]:
    """Do the plan's steps, each as soon as those it needs are done; returns outcomes in plan order.

    Stops at the first failure, or on KeyboardInterrupt: running steps are finished, and no more are
    started. Raises ApplyError, which lists what was done, and is not undone, and what was not
    reached. Errors that are not ours are raised unchanged, after the list was shown.
    """
    work = _Work(plan, executor)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            _work_off(work, pool, say)
    except BaseException:
        # Only here has the pool waited for the running steps.
        work.listen(say)
        for line in _summary(plan, work):
            say(line)
        raise
    if work.failed:
        raise _stopped(plan, work) from next(iter(work.failed.values()))
    return [work.outcomes[position] for position in range(len(plan.steps))]


def _work_off(work: _Work, pool: ThreadPoolExecutor, say: Say) -> None:
    while not work.ended:
        batches = work.begin(say)
        if len(batches) == 1 and not work.running:
            # In the caller's own thread, where Ctrl-C interrupts a command or a wait immediately.
            work.do(batches[0], say)
            continue
        work.running |= {pool.submit(work.do, batch, work.said.put) for batch in batches}
        wait(work.running, LISTEN_SECONDS, return_when=FIRST_COMPLETED)
        work.collect(say)


@dataclass(slots=True)
class _Work:
    """A plan in progress: its started steps and their results."""

    plan: Plan
    executor: Executor
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """By position in the plan."""
    failed: dict[int, RunbookError] = field(default_factory=dict)
    running: set[Future[None]] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    said: SimpleQueue[str] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        """Kept resources are known from the start."""
        for position, step in enumerate(self.plan.steps):
            if step.action is Action.KEEP:
                self.begun.add(position)
                self.outcomes[position] = Outcome(step=step, done=Done.KEPT, known={"id": step.id})

    @property
    def ended(self) -> bool:
        """Whether nothing runs and nothing more will."""
        return not self.running and (bool(self.failed) or len(self.begun) == len(self.plan.steps))

    def begin(self, say: Say) -> list[list[int]]:
        """Positions of steps that can start, those of one bulk request together.

        No more than can run at once: steps in a queue could not be cancelled any more.
        """
        if self.failed:
            return []
        batches: dict[str, list[int]] = {}
        for position, step in enumerate(self.plan.steps):
            if position in self.begun or not self._is_ready(position):
                continue
            key = self.executor.bulk(step) or f"step {position}"
            if key not in batches and len(self.running) + len(batches) >= AT_ONCE:
                continue
            self.begun.add(position)
            say(f"{step.action} {step.target}: {step.because}")
            batches.setdefault(key, []).append(position)
        return list(batches.values())

    def _is_ready(self, position: int) -> bool:
        steps = self.plan.steps
        needs = steps[position].needs
        return all(
            earlier in self.outcomes
            for earlier in range(position)
            if steps[earlier].target in needs
        )

    def do(self, batch: Sequence[int], say: Say) -> None:
        """Do the steps at these positions, and note their results."""
        steps = [self.plan.steps[position] for position in batch]
        known = self._known()
        bodies = [resolve(step.body, known) for step in steps]
        start = time.monotonic()
        try:
            if len(steps) == 1:
                found: Sequence[Known] = [self.executor.execute(steps[0], bodies[0], say)]
            else:
                found = self.executor.execute_bulk(str(self.executor.bulk(steps[0])), bodies)
        except RunbookError as error:
            self.failed.update(dict.fromkeys(batch, error))
            return
        seconds, ended = time.monotonic() - start, datetime.now(UTC)
        for position, step, item in zip(batch, steps, found, strict=True):
            self.outcomes[position] = Outcome(
                step=step, done=Done.DONE, known=item, seconds=seconds, ended=ended
            )

    def _known(self) -> dict[Target, Known]:
        return {item.step.target: item.known for item in list(self.outcomes.values())}

    def listen(self, say: Say) -> None:
        """Show the threads' messages, in the caller's thread."""
        while not self.said.empty():
            say(self.said.get())

    def collect(self, say: Say) -> None:
        """Show the threads' messages, and forget those that ended.

        Errors that are not ours are raised.
        """
        self.listen(say)
        ended = {future for future in self.running if future.done()}
        self.running -= ended
        for future in ended:
            future.result()


def _stopped(plan: Plan, work: _Work) -> ApplyError:
    remedies = dict.fromkeys(error.remedy for error in work.failed.values() if error.remedy)
    return ApplyError(
        "\n  ".join(_summary(plan, work)),
        remedy="; ".join(remedies) or "fix the cause and run the phase again: it will continue",
    )


def _summary(plan: Plan, work: _Work) -> Iterator[str]:
    """What failed, was done, was interrupted, and was not reached, in one line each."""
    for error in dict.fromkeys(work.failed.values()):
        yield f"{plan.phase}: {_names(plan, work, error)} failed: {error.message}"
    done = [str(o.step.target) for _, o in sorted(work.outcomes.items()) if o.done is Done.DONE]
    open_ends = work.begun - work.outcomes.keys() - work.failed.keys()
    interrupted = [str(plan.steps[position].target) for position in sorted(open_ends)]
    left = [
        str(step.target) for position, step in enumerate(plan.steps) if position not in work.begun
    ]
    yield f"done, and not undone: {', '.join(done) or 'nothing'}"
    if interrupted:
        yield f"interrupted, and perhaps done: {', '.join(interrupted)}"
    yield f"not reached: {', '.join(left) or 'nothing'}"


def _names(plan: Plan, work: _Work, error: RunbookError) -> str:
    steps = [plan.steps[position] for position, of in work.failed.items() if of is error]
    return f"{steps[0].action} {', '.join(str(step.target) for step in steps)}"
