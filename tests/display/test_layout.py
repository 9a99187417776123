"""The widths of columns: names stay whole as long as there is room, and nothing vanishes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.display.layout import READABLE, TIGHT, column_widths

ID = "3f0d9d5a-7a8e-4b1f-9f3c-0a5f3f0b2c11"
SENTENCE = "the subnet has another gateway than the site says, and its pods need that one"


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        (200, [len(ID), len(SENTENCE)]),  # room for everything
        (100, [len(ID), 100 - len(ID)]),  # the sentence wraps, the id does not
        (len(ID) + TIGHT, [len(ID), TIGHT]),  # the id is whole as long as the sentence can be read
        (40, [24, TIGHT]),  # and only then folded
    ],
)
def test_sentences_give_way_before_names(room: int, widths: list[int]) -> None:
    assert column_widths([["id", "because"], [ID, SENTENCE]], [False, True], room) == widths


def test_names_wrap_at_their_blanks_before_any_word_is_folded() -> None:
    rule = "kuryr-nodes: TCP 10250 from kuryr-pods"
    rows = [["action", "name", "because"], ["+ create", rule, SENTENCE]]
    assert column_widths(rows, [False, False, True], 48) == [8, TIGHT, READABLE]
    assert column_widths(rows, [False, False, True], 70) == [8, len(rule), READABLE]


def test_a_long_word_in_a_sentence_takes_nothing_from_names() -> None:
    rows = [["name", "because"], [ID, "spec.template.spec.containers[0].image: differs"]]
    assert column_widths(rows, [False, True], 60) == [len(ID), 60 - len(ID)]


def test_names_stay_whole_before_a_long_word_of_a_sentence_does() -> None:
    key, value = "network.node_security_group", "kuryr-service-network"
    because = "the label on DaemonSet kube-system/kuryr-daemon"
    widths = column_widths([[key, value, because]], [False, False, True], len(key + value) + 20)
    assert widths == [len(key), len(value), 20]


def test_a_table_without_rows_has_room_for_its_heads() -> None:
    assert column_widths([["nothing was drawn"]], [True], 80) == [len("nothing was drawn")]


CELLS = st.text("ab \n", max_size=60)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.integers(min_value=3, max_value=200),
)
def test_columns_fit_and_take_no_more_than_they_need(
    rows: list[tuple[str, str, str]], is_prose: tuple[bool, ...], room: int
) -> None:
    widths = column_widths(rows, is_prose, room)
    longest = [
        max((len(line) for cell in column for line in cell.split("\n")), default=0) or 1
        for column in zip(*rows, strict=True)
    ]
    assert sum(widths) <= max(room, 3)
    assert all(1 <= width <= most for width, most in zip(widths, longest, strict=True))
    assert sum(widths) == room or widths == longest
