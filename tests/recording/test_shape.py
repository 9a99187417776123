"""Whatever a record contains, it can be listed, shown and compared, or it is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.recorded import recorded, restated
from support.drawing import json_values

from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.records import read_record

OLDER = Path(__file__).parent / "older" / "lab"


@pytest.fixture
def runs(own_state: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("r01", "r02"):
        recorded(tmp_path / "runs" / "lab", name)
    return Path("runs/lab")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in a document, as its container and its key there."""
    for key, item in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


def refuse_other_ends(*arguments: str) -> None:
    result = CliRunner().invoke(main, ["records", *arguments])
    assert isinstance(result.exception, SystemExit | None), result.output
    assert "bug in the runbook" not in result.output
    assert result.exit_code in (0, 1, 2, 4)


@given(data=st.data())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_field_of_a_record_is_anything_or_missing(data: st.DataObject, runs: Path) -> None:
    genuine = (runs / "r02" / "record.json").read_bytes()
    try:
        with restated(runs / "r02") as statement:
            fields = [*places(statement)]
            container, key = fields[data.draw(st.integers(0, len(fields) - 1))]
            if data.draw(st.booleans()):
                del container[key]
            else:
                container[key] = data.draw(json_values())
        for arguments in (
            ("list",),
            ("verify",),
            ("show", "runs/lab/r02"),
            ("diff", "runs/lab/r01", "runs/lab/r02", "--page", "page.html"),
            ("export", "runs/lab", "--out", "runs.tar"),
        ):
            refuse_other_ends(*arguments)
    finally:
        (runs / "r02" / "record.json").write_bytes(genuine)
        for name in ("page.html", "runs.tar"):
            Path(name).unlink(missing_ok=True)


def test_what_older_runbooks_wrote_has_the_shape() -> None:
    for directory in sorted(OLDER.glob("r*")):
        read_record(directory)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("phases", {"daemon": 1}, "predicate.phases: Input should be a valid list"),
        ("number", 0, "predicate.number: Input should be greater than or equal to 1"),
        ("by", {"user": "u"}, "predicate.by.host: Field required"),
        ("previous", {"number": 1}, "predicate.previous.sha256: Field required"),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object, expected: str, runs: Path) -> None:
    with restated(runs / "r02") as statement:
        statement["predicate"][field] = value
    with pytest.raises(RecordError) as caught:
        read_record(runs / "r02")
    assert f"is not a complete record: {expected}" in str(caught.value)
