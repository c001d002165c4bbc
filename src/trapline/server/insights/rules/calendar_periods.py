"""Days, weeks, months and years of local days, which are counted from 2000-01-01."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from trapline.wire.insight_trends import CalendarStep

Numbers = NDArray[np.int64]
FIRST = date(2000, 1, 1)
_UNIX_DAYS = (FIRST - date(1970, 1, 1)).days
_MONDAY = (FIRST - timedelta(days=FIRST.weekday()) - FIRST).days
"""The Monday of the week that contains 2000-01-01."""
MONTHS = 12


def number_periods(days: Numbers, step: CalendarStep) -> Numbers:
    """Return the number of the period of each day; the period of 2000-01-01 has the number 0.

    >>> number_periods(np.array([0, 30, 31]), CalendarStep.MONTH).tolist()
    [0, 0, 1]
    """
    match step:
        case CalendarStep.DAY:
            return days
        case CalendarStep.WEEK:
            return (days - _MONDAY) // 7
        case CalendarStep.MONTH:
            return _number_months(days)
        case CalendarStep.YEAR:
            return _number_months(days) // MONTHS


def get_first_day(number: int, step: CalendarStep) -> date:
    """Return the first day of a period. Raises OverflowError or ValueError after 9999.

    >>> get_first_day(0, CalendarStep.WEEK)
    datetime.date(1999, 12, 27)
    """
    match step:
        case CalendarStep.DAY:
            return FIRST + timedelta(days=number)
        case CalendarStep.WEEK:
            return FIRST + timedelta(days=_MONDAY + 7 * number)
        case CalendarStep.MONTH:
            return date(FIRST.year + number // MONTHS, number % MONTHS + 1, 1)
        case CalendarStep.YEAR:
            return date(FIRST.year + number, 1, 1)


def get_last_day(number: int, step: CalendarStep) -> date:
    """Return the last day of a period."""
    try:
        return get_first_day(number + 1, step) - timedelta(days=1)
    except (OverflowError, ValueError):
        return date.max


def _number_months(days: Numbers) -> Numbers:
    months = (days + _UNIX_DAYS).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    since_1970 = (FIRST.year - 1970) * MONTHS
    return np.asarray(months - since_1970, np.int64)
