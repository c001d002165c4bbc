"""Figures that insights return for surveys in memory, compared with figures computed by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from trapline.server.insights.actions.activity import build_activity
from trapline.server.insights.actions.richness import build_accumulation
from trapline.server.insights.actions.summary import build_summary
from trapline.server.insights.actions.surveys import FilteredSurvey, filter_survey
from trapline.server.insights.queries.surveys import NameAtDeployment, Survey, SurveyDeployment
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import to_moment

START = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 8, 1, tzinfo=UTC)
NIGHTS = 10


def build_survey(events: list[int], *, end: datetime | None, start: datetime | None) -> Survey:
    """Build deployments with one event an hour from noon of the first day on."""
    deployments, observed = [], []
    for place, count in enumerate(events):
        noon = START + timedelta(hours=12)
        times = np.array([to_moment(noon + timedelta(hours=n)) for n in range(count)], np.int64)
        # The order in which observations are read must not matter.
        ones = np.ones(count, np.int64)
        observed.append(NameAtDeployment(UUID(int=place), "Fox", "animal", times[::-1], ones))
        deployments.append(
            SurveyDeployment(UUID(int=place), f"D{place}", "UTC", start, end, (), times, 0)
        )
    return Survey(deployments, observed, {}, 0)


def narrow(survey: Survey, now: datetime = NOW) -> FilteredSurvey:
    return filter_survey(survey, SurveyFilter(), None, set(), now)


def test_rates_are_the_ratio_of_sums_with_a_studentised_interval() -> None:
    survey = build_survey(list(range(1, 13)), start=START, end=START + timedelta(days=NIGHTS))
    # The event of a deployment without effort is listed, and left out of the rate.
    lost = build_survey([0] * 12 + [1], start=None, end=None)
    both = Survey(
        [*survey.deployments, lost.deployments[12]],
        [*survey.observed, lost.observed[12]],
        {},
        0,
    )
    [fox] = build_summary(narrow(both), seed=1).species
    # 1 + 2 + ... + 12 = 78 events in 12 times 10 nights.
    assert (fox.events, fox.occupancy) == (79, 1)
    assert fox.rate == pytest.approx(65)
    assert fox.rate is not None
    assert fox.interval is not None
    assert fox.interval.low < fox.rate < fox.interval.high
    # The standard error of the log rate is sqrt(12 / 11 * 143) / 78 = 0.160: the squares of the
    # distances to the mean of 6.5 have the sum 143. Student's quantile for 11 degrees of freedom is
    # 2.201; percentiles of the bootstrap would be narrower by more than a tenth.
    width = np.log(fox.interval.high / fox.interval.low)
    assert width > 0.9 * 2 * 2.201 * 0.160
    few = build_survey(list(range(1, 10)), start=START, end=START + timedelta(days=NIGHTS))
    assert build_summary(narrow(few), seed=1).species[0].interval is None


def test_an_end_in_the_future_is_the_last_image() -> None:
    survey = build_survey([49], start=START, end=NOW)
    found = build_summary(narrow(survey, NOW - timedelta(days=1)), seed=1).deployments[0]
    # The last image is 12 + 48 hours after the start.
    assert (found.nights, found.estimated) == (2.5, True)
    assert found.end == START + timedelta(hours=60)


def test_densities_integrate_to_one_and_have_the_peak_of_the_events() -> None:
    survey = build_survey([3] * 4, start=START, end=START + timedelta(days=NIGHTS))
    [fox] = build_activity(narrow(survey)).curves
    assert fox.density is not None
    assert sum(fox.density) * 24 / len(fox.density) == pytest.approx(1, abs=1e-3)
    # Four events each at 12:00, 13:00 and 14:00.
    assert (fox.hours[12:15], sum(fox.hours)) == ([4, 4, 4], 12)
    assert int(np.argmax(fox.density)) * 24 / len(fox.density) == pytest.approx(13, abs=0.25)


def test_accumulation_requires_two_camera_days() -> None:
    noon = START + timedelta(hours=12)
    one_day = build_survey([1], start=START, end=noon + timedelta(hours=1))
    found = build_accumulation(narrow(one_day))
    assert (found.units, found.steps, found.chao2) == (1, [], None)
