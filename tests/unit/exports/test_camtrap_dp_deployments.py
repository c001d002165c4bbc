"""Camtrap DP: the deployments of an export, and the corrections that the report lists."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from tests.support.camtrap_packages import export_package
from tests.support.format_spools import (
    NOON,
    PLACE,
    image,
)


def test_deployment_without_coordinates_is_a_problem(tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(PLACE, latitude=None, longitude=None)
    package = export_package(tmp_path, [image(1)], deployments=[nowhere])
    [problem] = package.report.problems
    assert problem.deployment == PLACE.id
    assert "“Ridge north” has no coordinates" in problem.what
    assert "latitude" in problem.what


def test_doubtful_times_are_reported(tmp_path: Path) -> None:
    fast = msgspec.structs.replace(PLACE, id=UUID(int=2), name="Fast", clock_offset_s=-60)
    odd = msgspec.structs.replace(PLACE, id=UUID(int=3), name="Odd")
    flagged = image(3, deployment_id=odd.id, flags=["clock_reset"])
    images = [image(1, captured_at_source="filename"), image(2, deployment_id=fast.id), flagged]
    package = export_package(tmp_path, images, deployments=[PLACE, fast, odd])
    assert [row["timestampIssues"] for row in package.tables["deployments"]] == [
        "true",
        "true",
        "true",
    ]
    assert "-60 s" in package.tables["deployments"][1]["deploymentComments"]
    assert len([one for one in package.report.fixed if "timestampIssues" in one.what]) == 3


def test_values_that_are_derived_from_images_are_marked(tmp_path: Path) -> None:
    exif = {"Make": "Reconyx", "Model": "PC800"}
    stated = msgspec.structs.replace(
        PLACE, id=UUID(int=2), name="Stated", camera_model="Bushnell", timestamp_issues=False
    )
    images = [image(1, exif=exif), image(2, exif=exif, deployment_id=stated.id)]
    derived, given = export_package(tmp_path, images, deployments=[PLACE, stated]).tables[
        "deployments"
    ]
    assert (derived["cameraModel"], derived["timestampIssues"]) == ("Reconyx-PC800", "false")
    assert derived["deploymentTags"] == (
        "derived:deploymentStart | derived:deploymentEnd | derived:timestampIssues"
        " | derived:cameraModel"
    )
    assert (given["cameraModel"], given["timestampIssues"]) == ("Bushnell", "false")
    assert given["deploymentTags"] == "derived:deploymentStart | derived:deploymentEnd"


def test_period_of_a_deployment_includes_its_images(tmp_path: Path) -> None:
    short = msgspec.structs.replace(
        PLACE, started_at=NOON + timedelta(seconds=20), ended_at=NOON + timedelta(seconds=30)
    )
    package = export_package(tmp_path, [image(1), image(5)], deployments=[short])
    [row] = package.tables["deployments"]
    assert (row["deploymentStart"], row["deploymentEnd"]) == (
        "2026-06-01T14:00:10+02:00",
        "2026-06-01T14:00:50+02:00",
    )
    [told] = [one.what for one in package.report.fixed if one.deployment == short.id]
    assert "images from before its start" in told
    assert "images from after its end" in told
    long = msgspec.structs.replace(
        PLACE, started_at=NOON - timedelta(days=1), ended_at=NOON + timedelta(days=1)
    )
    [row] = export_package(tmp_path, [image(1)], deployments=[long]).tables["deployments"]
    assert (row["deploymentStart"][:10], row["deploymentEnd"][:10]) == ("2026-05-31", "2026-06-02")


def test_corrections_of_every_deployment_are_reported(tmp_path: Path) -> None:
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=f"Ridge {number}")
        for number in range(1, 151)
    ]
    images = [image(one.id.int, deployment_id=one.id, flags=["clock_reset"]) for one in places]
    fixed = [
        one
        for one in export_package(tmp_path, images, deployments=places).report.fixed
        if one.deployment is not None
    ]
    assert [one.deployment for one in fixed] == [one.id for one in places]
    for word in ("“Ridge 150”", "no start", "no end", "timestampIssues"):
        assert word in fixed[-1].what
