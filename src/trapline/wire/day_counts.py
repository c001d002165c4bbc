"""Counts of images by day, for the layout of the image grid and for the overview."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from trapline.wire.values import LAST_YEAR, UUID, AnyText, Count, Message, Time


def _in_calendar(day: date) -> date:
    if not 1 < day.year < LAST_YEAR:
        raise ValueError(f"must be a day of the years 2 to {LAST_YEAR - 1}")
    return day


GivenDay = Annotated[date, AfterValidator(_in_calendar)]
"""A day in a request, in the time zone of each camera."""


class DayCount(Message):
    """Number of images captured on a day, in the local time of their cameras."""

    day: date
    images: Count


class DayCounts(Message):
    """The days that have images, the latest first.

    For many images the counts are estimates that are a few seconds old, and for some filters too
    high. While `is_behind` is true, some changes of the last seconds are not counted yet.
    """

    results: list[DayCount]
    images: Count
    is_estimate: bool
    is_behind: bool


class DayTotal(DayCount):
    """Number of images captured on a day, and of blank images among them."""

    blank: Count


class ClassTotal(Message):
    """Number of images that show a class."""

    class_name: AnyText
    images: Count


class DeploymentTotal(Message):
    """Number of images of a deployment, and the capture time of its last image."""

    deployment_id: UUID
    name: AnyText
    images: Count
    last_captured_at: Time | None


class Summary(Message):
    """Numbers of images and annotations by day (newest first), hour, class and deployment.

    Days and hours are in the time zone of each camera. While `is_behind` is true, some changes of
    the last seconds are not counted yet. Images `without_camera_time` have the time of the
    modification or arrival of their file.
    """

    images: Count
    blank: Count
    without_camera_time: Count
    days: list[DayTotal]
    hours: list[Count]
    classes: list[ClassTotal]
    deployments: list[DeploymentTotal]
    is_behind: bool
