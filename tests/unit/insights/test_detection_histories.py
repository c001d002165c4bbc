"""Detection histories against a matrix written by hand."""

from datetime import date, timedelta

import pytest

from trapline.server.insights.rules.detection_histories import FirstDay, build_detection_history

FIRST = date(2026, 5, 1)


def day(number: int) -> date:
    return FIRST + timedelta(number)


SITES = [
    {day(number): 1.0 for number in range(5)},
    {day(2): 0.5, day(3): 1.0, day(8): 0.5},
    {},
]
DETECTIONS = [(0, day(0)), (0, day(0)), (0, day(4)), (1, day(2)), (1, day(6)), (2, day(1))]


def test_occasions_start_with_each_station_or_with_the_survey() -> None:
    station = build_detection_history(SITES, DETECTIONS, occasion_days=2)
    assert station.to_counts() == [[2, 0, 1, None], [1, None, None, 0], [None] * 4]
    assert station.to_binary()[0] == [1, 0, 1, None]
    assert station.effort.tolist() == [[2, 2, 1, 0], [1.5, 0, 0, 0.5], [0, 0, 0, 0]]
    assert station.first_days == (day(0), day(2), None)
    survey = build_detection_history(SITES, DETECTIONS, occasion_days=2, first_day=FirstDay.SURVEY)
    assert survey.to_counts()[1] == [None, 1, None, None, 0]


def test_no_sites_and_no_effort_are_empty() -> None:
    assert build_detection_history([], []).to_binary() == []
    assert build_detection_history([{}], [(0, FIRST)]).to_binary() == [[]]
    with pytest.raises(ValueError, match="at least 1 day"):
        build_detection_history([], [], occasion_days=0)
    with pytest.raises(ValueError, match="use longer ones"):
        build_detection_history([{FIRST: 1.0, day(20_000): 1.0}], [], occasion_days=1)
