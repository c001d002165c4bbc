"""The period of a deployment in Camtrap DP comes from its camera, read with Frictionless."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    validate_package,
)
from tests.support.image_factory import make_jpeg

from trapline.server.platform.app_context import AppContext

FIRST, LAST = datetime(2026, 5, 1, 6, tzinfo=UTC), datetime(2026, 5, 9, 18, tzinfo=UTC)
COPIED = datetime(2026, 7, 4, 12, tzinfo=UTC)


@pytest.fixture
async def project(system: AppContext) -> ExchangeProject:
    return await make_exchange_project(system)


async def upload(project: ExchangeProject, deployment: str, seed: int, **times: datetime) -> None:
    """Upload an image that was `taken` by the camera's clock, `modified` as a file, or neither."""
    parts: list[tuple[str, Any]] = [
        ("project", (None, str(project.field.project))), ("deployment", (None, deployment))
    ]  # fmt: skip
    if "modified" in times:
        parts.append(("modified_at", (None, times["modified"].isoformat())))
    parts.append(
        ("files", (f"{seed}.jpg", make_jpeg(seed, taken=times.get("taken")), "image/jpeg"))
    )
    headers = {"Authorization": f"Token {project.field.owner}"}
    answer = await project.field.client.post("/api/v2/images", files=parts, headers=headers)
    assert answer.json()["imported"] == 1, answer.text


async def read_period(project: ExchangeProject, folder: Path) -> tuple[datetime, datetime, str]:
    """Export the project; return start, end and reported corrections of its only deployment."""
    made, content = await project.export("camtrap-dp")
    package = open_package(content, folder)
    assert validate_package(package) == []
    [row] = read_resource(package, "deployments")
    assert row["timestampIssues"] is True
    fixed = " ".join(one["what"] for one in made["fixed"] if one["deployment"])
    return row["deploymentStart"], row["deploymentEnd"], fixed


async def test_time_of_an_upload_does_not_extend_a_period(
    project: ExchangeProject, tmp_path: Path
) -> None:
    deployment = await project.create_deployment("Old oak", time_zone="UTC")
    for seed, times in enumerate(({"taken": FIRST}, {}, {"modified": COPIED}, {"taken": LAST})):
        await upload(project, deployment, seed, **times)
    start, end, fixed = await read_period(project, tmp_path)
    assert (start, end) == (FIRST, LAST)
    assert "no end: it is the time of its last image." in fixed


async def test_time_of_an_upload_does_not_change_a_stated_period(
    project: ExchangeProject, tmp_path: Path
) -> None:
    stated = {"started_at": "2026-04-30T00:00:00Z", "ended_at": "2026-06-01T00:00:00Z"}
    deployment = await project.create_deployment("Old oak", **stated)
    await upload(project, deployment, 1)
    start, end, fixed = await read_period(project, tmp_path)
    assert (start, end) == (datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    assert "after its end" not in fixed


async def test_period_from_files_alone_is_reported(
    project: ExchangeProject, tmp_path: Path
) -> None:
    await upload(project, await project.create_deployment("Old oak"), 1, modified=COPIED)
    start, end, fixed = await read_period(project, tmp_path)
    assert (start, end) == (COPIED, COPIED)
    assert "because no image has a time from the camera" in fixed
