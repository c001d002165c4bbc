"""Figures that insights return for surveys in memory, compared with figures computed by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from trapline.server.images.rules.locations import Location, Precision
from trapline.server.insights.actions.activity import build_activity, build_overlap
from trapline.server.insights.actions.detections import build_detection_history
from trapline.server.insights.actions.richness import build_accumulation
from trapline.server.insights.actions.summary import build_summary
from trapline.server.insights.actions.surveys import FilteredSurvey, filter_survey
from trapline.server.insights.queries.surveys import NameAtDeployment, Survey, SurveyDeployment
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import to_moment
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_activity import DayTime

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
    return filter_survey(survey, SurveyFilter(), None, {}, now)


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


def test_withheld_names_are_listed_in_their_own_order() -> None:
    survey = build_survey([1, 1, 1], start=START, end=START + timedelta(days=1))
    reverse = [replace(one, name=f"D{3 - n}") for n, one in enumerate(survey.deployments)]
    hidden = {one.id: Precision.WITHHELD for one in reverse}
    by_name = Survey(sorted(reverse, key=lambda one: one.name), survey.observed, {}, 0)
    found = filter_survey(by_name, SurveyFilter(), None, hidden, NOW)
    assert found.names == [f"Deployment {n:012}" for n in range(3)]
    assert [one.id for one in found.deployments] == [UUID(int=n) for n in range(3)]


def test_dates_two_thousand_years_apart_are_refused_at_once() -> None:
    survey = build_survey([1] * 7, start=datetime(2, 1, 1, tzinfo=UTC), end=START)
    # 2,024 years have 739,000 days, and seven deployments more than 5,000,000.
    with pytest.raises(Unprocessable, match="start: is too early"):
        build_accumulation(narrow(survey))
    with pytest.raises(Unprocessable, match="use longer occasions"):
        build_detection_history(narrow(survey), "Fox", 1)


def test_the_times_of_a_curve_are_of_all_deployments() -> None:
    survey = build_survey([700, 700, 700], start=START, end=START + timedelta(days=NIGHTS))
    apart = [
        replace(one, times=one.times[0] + np.arange(700) * 86_400_000_000 + n * 3_600_000_000)
        for n, one in enumerate(survey.observed)
    ]
    [fox] = build_activity(narrow(Survey(survey.deployments, apart, {}, 0))).curves
    # Each deployment has 700 events at one hour, from noon on; every third is listed.
    assert fox.hours[12:15] == [700] * 3
    assert [fox.times.count(hour) for hour in (12, 13, 14)] == [234, 233, 233]


def test_accumulation_counts_species_in_the_order_of_camera_days() -> None:
    end, noon = START + timedelta(days=2), START + timedelta(hours=12)
    empty = np.zeros(0, np.int64)
    deployments = [
        SurveyDeployment(UUID(int=n), f"D{n}", "UTC", START, end, (), empty, 0) for n in range(2)
    ]
    seen = {("Fox", 0): [0], ("Fox", 1): [1], ("Deer", 1): [1, 1]}
    observed = [
        NameAtDeployment(
            UUID(int=place),
            name,
            "animal",
            np.array([to_moment(noon + timedelta(days=day)) for day in days], np.int64),
            np.ones(len(days), np.int64),
        )
        for (name, place), days in seen.items()
    ]
    found = build_accumulation(narrow(Survey(deployments, observed, {}, 0)))
    # Units are the first day at D0 and D1, then the second. Foxes are in 2 of the 4, deer in 1:
    # of h units, 1 - C(2, h) / C(4, h) + 1 - C(3, h) / C(4, h) species are expected.
    assert [(one.units, one.observed) for one in found.steps] == [(1, 1), (2, 1), (3, 1), (4, 2)]
    assert [one.expected for one in found.steps] == pytest.approx([0.75, 4 / 3, 1.75, 2])
    # The variance of one unit is 0.5² + 0.25² - 0.75² / 2 = 0.03125, that of all is 0.
    ends = (found.steps[0].low, found.steps[0].high)
    assert ends == pytest.approx((0.75 - 1.96 * 0.17678, 0.75 + 1.96 * 0.17678), abs=1e-4)
    assert (found.steps[3].low, found.steps[3].high) == pytest.approx((2, 2))
    assert found.chao2 is not None
    assert (found.chao2.value, found.chao2.uniques, found.chao2.duplicates) == (2, 1, 1)


def test_solar_time_uses_only_locations_that_the_caller_sees() -> None:
    """At the equator in March, sunrise is near 6:00, so solar time is near mean solar time."""
    noon = datetime(2026, 3, 20, 12, tzinfo=UTC)
    times = np.array([to_moment(noon + timedelta(days=n)) for n in range(3)], np.int64)
    places = {
        "known": Location(0.0, 90.0),
        "hidden": Location(0.0, 90.0),
        "unknown": Location(),
        "polar": Location(89.9, 0.0),
    }
    deployments, observed = [], []
    for key, location in enumerate(places.values()):
        one = UUID(int=key)
        observed.append(NameAtDeployment(one, "Fox", "animal", times, np.ones(3, np.int64)))
        deployments.append(
            SurveyDeployment(one, f"D{key}", "UTC", noon, None, (), times, 0, location)
        )
    survey = Survey(deployments, observed, {}, 0)
    hidden = {UUID(int=1): Precision.WITHHELD}
    found = build_activity(filter_survey(survey, SurveyFilter(), None, hidden, NOW), DayTime.SOLAR)
    [fox] = found.curves
    # Noon in UTC is 18:00 at 90 degrees east; the equation of time is -7.5 minutes. The sun is up
    # from about 5:57 to 18:04 there, which become 6:00 and 18:00. Near the pole, it is up all day.
    assert found.deployments_left_out == 2
    assert (fox.events, fox.events_left_out) == (3, 9)
    assert fox.times[:3] == pytest.approx([17.8, 17.8, 17.8], abs=0.1)
    [note] = [one for one in found.notes if one.code == "without_coordinates"]
    assert len(note.names) == 2
    rounded = {UUID(int=1): Precision.TENTH}
    seen = build_activity(filter_survey(survey, SurveyFilter(), None, rounded, NOW), DayTime.SOLAR)
    assert (seen.deployments_left_out, seen.curves[0].events) == (1, 6)


def test_overlap_has_an_interval_its_seed_and_the_estimator_of_the_sample_size() -> None:
    draws = np.random.default_rng(1)

    def build(sizes: dict[str, int], hours: dict[str, float]) -> FilteredSurvey:
        observed = []
        for name, size in sizes.items():
            of_day = draws.normal(hours[name], 2, size)
            days = np.arange(size)
            moments = [
                to_moment(START + timedelta(days=int(day), hours=float(hour)))
                for day, hour in zip(days, of_day, strict=True)
            ]
            times = np.array(sorted(moments), np.int64)
            ones = np.ones(size, np.int64)
            observed.append(NameAtDeployment(UUID(int=0), name, "animal", times, ones))
        given = SurveyDeployment(UUID(int=0), "D0", "UTC", START, None, (), observed[0].times, 0)
        return narrow(Survey([given], observed, {}, 0), NOW + timedelta(days=365))

    same = build({"Fox": 100, "Deer": 100}, {"Fox": 12, "Deer": 12})
    found = build_overlap(same, ("Fox", "Deer"), time=DayTime.CLOCK, seed=7)
    [one] = found.estimates
    assert (one.estimator, found.seed, found.replicates) == ("Dhat4", 7, 1000)
    assert 0.8 < one.interval.low <= one.value <= one.interval.high <= 1
    assert found == build_overlap(same, ("Fox", "Deer"), time=DayTime.CLOCK, seed=7)
    apart = build({"Fox": 60, "Deer": 60}, {"Fox": 3, "Deer": 15})
    both = build_overlap(apart, ("Fox", "Deer"), time=DayTime.CLOCK, seed=7)
    assert [one.estimator for one in both.estimates] == ["Dhat1", "Dhat4"]
    assert max(one.value for one in both.estimates) < 0.1
    few = build({"Fox": 9, "Deer": 60}, {"Fox": 3, "Deer": 15})
    none = build_overlap(few, ("Fox", "Deer"), time=DayTime.CLOCK, seed=7)
    assert (none.estimates, none.replicates) == ([], 0)
    assert [one.names for one in none.notes if one.code == "few_events"] == [["Fox"]]
