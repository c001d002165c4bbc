"""Independent events against a table computed by hand, and against the rule row by row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline.server.insights.rules.temporal_independence import IndependenceRule, find_events

MINUTE = 60
LAST, INDEPENDENT = IndependenceRule.LAST_RECORD, IndependenceRule.LAST_INDEPENDENT_RECORD


@pytest.mark.parametrize(("rule", "first"), [(LAST, [0, 4, 5]), (INDEPENDENT, [0, 2, 4, 5])])
def test_events_are_those_of_a_table_computed_by_hand(
    rule: IndependenceRule, first: list[int]
) -> None:
    minutes = np.array([0, 20, 40, 50, 80, 80])
    groups, counts = np.array([1, 1, 1, 1, 1, 2]), np.array([1, 3, 2, 1, 5, 4])
    events = find_events(minutes * MINUTE, groups, counts, rule=rule)
    assert events.first_row.tolist() == first
    # The observation at 80 minutes is exactly 30 minutes after the one before: a new event.
    assert events.group_sizes.tolist() == ([3, 5, 4] if rule is LAST else [3, 2, 5, 4])
    assert events.ended_s[0] == (50 if rule is LAST else 20) * MINUTE
    assert events.observations.sum() == 6


def test_an_interval_of_zero_makes_each_time_an_event() -> None:
    events = find_events(np.array([0, 0, 1]), np.zeros(3, int), np.ones(3, int), interval_s=0)
    assert events.observations.tolist() == [2, 1]


def test_no_observations_are_no_events_and_invalid_input_is_refused() -> None:
    nothing = np.zeros(0, int)
    assert len(find_events(nothing, nothing, nothing)) == 0
    one = np.ones(2, int)
    with pytest.raises(ValueError, match="between 0 and 86400"):
        find_events(one, one, one, interval_s=86_401)
    with pytest.raises(ValueError, match="sorted"):
        find_events(np.array([2, 1]), one, one)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300)), min_size=1, max_size=60),
    st.integers(0, 60),
    st.sampled_from(list(IndependenceRule)),
)
@settings(max_examples=200, deadline=None)
def test_events_are_those_of_the_rule_applied_row_by_row(
    rows: list[tuple[int, int]], interval: int, rule: IndependenceRule
) -> None:
    rows.sort()
    expected, anchor, previous = [], 0, (-1, 0)
    for row, (group, time) in enumerate(rows):
        gap = time - anchor
        if group != previous[0] or (gap > 0 and gap >= interval):
            expected.append(row)
            anchor = time
        elif rule is LAST:
            anchor = time
        previous = (group, time)
    groups, times = np.array(rows).T
    events = find_events(times, groups, np.ones(len(rows), int), interval_s=interval, rule=rule)
    assert events.first_row.tolist() == expected
