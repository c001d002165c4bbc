"""Calendar periods are those of Python's calendar, before and after 2000 alike."""

from datetime import date, timedelta

import numpy as np
import pytest

from trapline.server.insights.rules.calendar_periods import (
    get_first_day,
    get_last_day,
    number_periods,
)
from trapline.wire.insight_trends import CalendarStep

EPOCH = date(2000, 1, 1)
DAYS = np.concatenate([np.arange(-3000, 12_000, 7), np.arange(-40, 500)])


def get_expected_start(day: date, step: CalendarStep) -> date:
    """Return the first day of the period of a day, by the calendar of the standard library."""
    match step:
        case CalendarStep.DAY:
            return day
        case CalendarStep.WEEK:
            year, week, _ = day.isocalendar()
            return date.fromisocalendar(year, week, 1)
        case CalendarStep.MONTH:
            return day.replace(day=1)
        case CalendarStep.YEAR:
            return day.replace(month=1, day=1)


@pytest.mark.parametrize("step", list(CalendarStep))
def test_each_day_is_in_the_period_of_the_calendar(step: CalendarStep) -> None:
    numbers = number_periods(DAYS, step).tolist()
    days = [EPOCH + timedelta(days=day) for day in DAYS.tolist()]
    assert [get_first_day(number, step) for number in numbers] == [
        get_expected_start(day, step) for day in days
    ]
    for day, number in zip(days, numbers, strict=True):
        assert day <= get_last_day(number, step) < get_first_day(number + 1, step)


@pytest.mark.parametrize("step", list(CalendarStep))
def test_the_last_period_of_the_calendar_ends_with_it(step: CalendarStep) -> None:
    number = int(number_periods(np.array([(date.max - EPOCH).days]), step)[0])
    assert get_first_day(number, step) == get_expected_start(date.max, step)
    assert get_last_day(number, step) == date.max
