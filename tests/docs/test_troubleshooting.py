"""The table of faults in the documentation is what the checks say of themselves."""

from __future__ import annotations

from making.faults import BEGIN, DOCUMENT, undocumented, written


def test_the_table_of_faults_is_made_of_the_checks() -> None:
    text = DOCUMENT.read_text()
    assert BEGIN in text
    assert text == written(text), "PYTHONPATH=tests python -m making.faults"


def test_every_check_of_diagnosis_has_a_row() -> None:
    assert undocumented() == []
