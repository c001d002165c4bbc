"""Counts of images by day: what lays a grid out by time, and the figures of the overview."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from trapline.wire.values import LAST_YEAR, UUID, AnyText, Count, Message, Time


def _in_calendar(day: date) -> date:
    if not 1 < day.year < LAST_YEAR:
        raise ValueError(f"must be a day of the years 2 to {LAST_YEAR - 1}")
    return day


GivenDay = Annotated[date, AfterValidator(_in_calendar)]
"""Day named by a caller, in the time zone of each camera."""


class DayCount(Message):
    """How many images were taken on a day, where they were taken."""

    day: date
    images: Count


class DayCounts(Message):
    """The days that have images, the latest first.

    Many images are not counted for each answer: then it is an estimate, of a few seconds ago, and
    for some filters too many. While `is_behind`, some changes of the last seconds are not in it
    yet.
    """

    results: list[DayCount]
    images: Count
    is_estimate: bool
    is_behind: bool


class DayTotal(DayCount):
    """How many images were taken on a day, and on how many of them nothing was found."""

    blank: Count


class ClassTotal(Message):
    """How many images show a class."""

    class_name: AnyText
    images: Count


class DeploymentTotal(Message):
    """How many images a deployment has, and when the last of all of its images was taken."""

    deployment_id: UUID
    name: AnyText
    images: Count
    last_captured_at: Time | None


class Summary(Message):
    """Numbers of images and annotations by day (newest first), hour of the day, class and
    deployment.

    Days and hours are those of each camera's own zone. While `is_behind`, some changes of the last
    seconds are not counted yet. Images `without_camera_time` have the time of their file's
    modification or arrival.
    """

    images: Count
    blank: Count
    without_camera_time: Count
    days: list[DayTotal]
    hours: list[Count]
    classes: list[ClassTotal]
    deployments: list[DeploymentTotal]
    is_behind: bool
