"""What an audit found, and the order of a take-over, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from html import escape

from kuryr_runbook.display.tables import Folded, View, stacked, table
from kuryr_runbook.planning.audit import Fact, Judged
from kuryr_runbook.planning.takeover import Move

NOT_KNOWN = "NOT KNOWN"


def facts_view(judged: Judged, facts: Iterable[Fact]) -> View:
    """What is installed, and how that is known; what is not known comes last."""
    found = tuple(facts)
    rows = [(it.subject, it.value or NOT_KNOWN, it.because) for it in found]
    view = table(
        f"Found: {judged.condition}",
        ("what", "value", "because"),
        sorted(rows, key=lambda row: row[1] == NOT_KNOWN),
        judged.evidence,
        prose=("value", "because"),
    )
    data = {"condition": judged.condition.name.lower(), "evidence": judged.evidence}
    return replace(view, data={"found": {**data, "facts": [asdict(it) for it in found]}})


def take_over_view(refusal: str, losses: Sequence[str], moves: Sequence[Move]) -> View:
    """What would be lost, and the steps with their commands; or why there are none."""
    data = {"refusal": refusal, "losses": [*losses], "moves": [asdict(it) for it in moves]}
    if refusal:
        view = table("Taking over", ("not possible or not needed",), [(refusal,)])
    else:
        lost = table("Not done any more after taking over", ("what",), [(it,) for it in losses])
        order = table(
            "Taking over, in this order",
            ("", "step"),
            [(number, _step(move)) for number, move in enumerate(moves, 1)],
        )
        view = stacked([lost, order] if losses else [order])
    return replace(view, data={"take_over": data})


def _step(move: Move) -> Folded:
    commands = "\n".join(move.commands)
    return Folded(
        text=f"{move.what}: {move.notice}",
        summary=move.what,
        details=f"<p>{escape(move.notice)}</p><pre>{escape(commands)}</pre>",
        is_open=True,
        below=commands,
    )
