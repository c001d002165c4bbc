"""Folder sources read only granted folders, and never those of other projects."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.browser_clients import follow, invite, open_browser
from tests.support.image_factory import make_jpeg

from trapline.server.accounts.actions.one_time_links import create_first_owner_link
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_runs

SYSTEM = Scope.system()
SOURCES = "/image-pull-sources"


@dataclass
class Station:
    """An installation with its data folder below the allowed folder, and two users."""

    system: AppContext
    operator: httpx2.AsyncClient
    owner: httpx2.AsyncClient
    media: Path
    project: int

    async def run(self, source: dict[str, Any]) -> dict[str, Any]:
        accepted = await self.operator.post(f"{SOURCES}/{source['id']}/process?max_files=0")
        assert accepted.status_code == 202, accepted.text
        await pull_runs.run_pull(self.system, SYSTEM, UUID(accepted.json()["run_id"]))
        done: dict[str, Any] = (await self.operator.get(f"{SOURCES}/{source['id']}/runs")).json()[
            "results"
        ][0]
        return done

    async def names(self) -> set[str]:
        answer = await self.operator.get("/images", params={"project": self.project})
        return {image["filename"] for image in answer.json()["results"]}


@pytest.fixture
async def station(
    system: AppContext, application: FastAPI, tmp_path: Path
) -> AsyncIterator[Station]:
    media = tmp_path / "media"
    for folder in ("card/DCIM", "other", "trapline-data/store/files", "trapline-data/work"):
        (media / folder).mkdir(parents=True)
    (media / "card/DCIM/IMG_1.JPG").write_bytes(make_jpeg(1))
    (media / "other/IMG_2.JPG").write_bytes(make_jpeg(2))
    (media / "trapline-data/store/files/secret.jpg").write_bytes(make_jpeg(3))
    data = media / "trapline-data"
    system = replace(system, source_folders=(media,), own_folders=(data, data / "store"))
    application.state.system = system
    async with (
        open_browser(application) as operator,
        open_browser(application, "198.51.100.1") as owner,
    ):
        await follow(
            operator, f"#{await create_first_owner_link(system)}", email="operator@example.org"
        )
        project = (await operator.post("/projects", json={"name": "Forest"})).json()["id"]
        user = await invite(
            operator, "anna@example.org", memberships=[{"project": project, "role": "owner"}]
        )
        await follow(owner, user["link"]["url"])
        yield Station(system, operator, owner, media, project)


def source_at(station: Station, folder: Path, name: str = "card") -> dict[str, Any]:
    return {"name": name, "base_url": folder.as_uri(), "project": station.project}


@contextmanager
def bind_mount(at: Path, of: Path) -> Iterator[None]:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(of), str(at)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def can_mount() -> bool:
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
    )


needs_mounts = pytest.mark.skipif(not can_mount(), reason="only root can mount")


@pytest.mark.parametrize(
    "folder",
    [
        "",
        "trapline-data",
        "trapline-data/store",
        "trapline-data/store/files",
        "trapline-data/work",
        "link",
    ],
)
async def test_no_source_reads_the_data_folder(station: Station, folder: str) -> None:
    (station.media / "link").symlink_to(station.media / "trapline-data" / "store")
    body = source_at(station, station.media / folder)
    for browser in (station.operator, station.owner):
        for path, given in ((SOURCES, body), (f"{SOURCES}/test", {"source": body})):
            answer = await browser.post(path, json=given)
            assert answer.status_code == 422, answer.text
            assert "data folder of Trapline" in answer.text
    granted = await station.operator.post(
        "/source-folders", json={"project": station.project, "path": str(station.media / folder)}
    )
    assert granted.status_code == 422


@needs_mounts
@pytest.mark.parametrize("part", ["", "store", "store/files"])
async def test_a_bind_mount_of_the_data_folder_is_recognised(station: Station, part: str) -> None:
    mounted = station.media / "innocent"
    with bind_mount(mounted, station.media / "trapline-data" / part):
        for folder in (mounted, mounted / "files" if part == "store" else mounted):
            refused = await station.operator.post(SOURCES, json=source_at(station, folder))
            assert "data folder of Trapline" in refused.text


@needs_mounts
@pytest.mark.parametrize("part", ["", "store", "store/files"])
async def test_a_run_does_not_follow_a_mount_into_the_data_folder(
    station: Station, part: str
) -> None:
    """The data folder was mounted after the source was created."""
    made = (
        await station.operator.post(SOURCES, json=source_at(station, station.media / "card"))
    ).json()
    with bind_mount(station.media / "card/backup", station.media / "trapline-data" / part):
        run = await station.run(made)
        assert (run["state"], run["imported"]) == ("completed", 1)
    assert await station.names() == {"IMG_1.JPG"}


async def test_a_run_stops_when_its_folder_became_the_data_folder(station: Station) -> None:
    made = (
        await station.operator.post(SOURCES, json=source_at(station, station.media / "card"))
    ).json()
    (station.media / "card").rename(station.media / "gone")
    (station.media / "card").symlink_to(station.media / "trapline-data" / "store")
    run = await station.run(made)
    assert run["state"] == "failed"
    assert "data folder of Trapline" in run["error"]
    assert await station.names() == set()


async def test_an_owner_needs_a_granted_folder(station: Station) -> None:
    body = source_at(station, station.media / "card")
    for path, given in ((SOURCES, body), (f"{SOURCES}/test", {"source": body})):
        refused = await station.owner.post(path, json=given)
        assert refused.status_code == 403, refused.text
        assert "trapline source grant" in refused.json()["detail"]
    grant = {"project": station.project, "path": str(station.media / "card")}
    assert (await station.owner.post("/source-folders", json=grant)).status_code == 403
    granted = await station.operator.post("/source-folders", json=grant)
    assert granted.status_code == 201, granted.text
    assert (await station.operator.post("/source-folders", json=grant)).status_code == 409
    listed = (
        await station.owner.get("/source-folders", params={"project": station.project})
    ).json()["results"]
    assert [(one["path"], one["project_name"]) for one in listed] == [(grant["path"], "Forest")]
    made = await station.owner.post(
        SOURCES, json=source_at(station, station.media / "card" / "DCIM")
    )
    assert made.status_code == 201, made.text
    run = await station.run(made.json())
    assert (run["state"], run["imported"]) == ("completed", 1)
    moved = await station.owner.patch(
        f"{SOURCES}/{made.json()['id']}", json={"base_url": (station.media / "other").as_uri()}
    )
    assert moved.status_code == 403
    (station.media / "card" / "way").symlink_to(station.media / "other")
    out = await station.owner.post(
        SOURCES, json=source_at(station, station.media / "card" / "way", "way")
    )
    assert out.status_code == 403


async def test_a_revoked_folder_pauses_its_sources(station: Station) -> None:
    made = (
        await station.operator.post(SOURCES, json=source_at(station, station.media / "card"))
    ).json()
    [granted] = (await station.operator.get("/source-folders")).json()["results"]
    assert granted["path"] == str(station.media / "card")
    assert (await station.owner.delete(f"/source-folders/{granted['id']}")).status_code == 403
    assert (await station.operator.delete(f"/source-folders/{granted['id']}")).status_code == 204
    shown = (await station.owner.get(f"{SOURCES}/{made['id']}")).json()
    assert shown["health"] == "paused"
    assert "trapline source grant" in shown["health_detail"]
    [missing] = (await station.operator.get("/source-folders/missing")).json()
    assert (missing["source_id"], missing["project_name"]) == (made["id"], "Forest")
    assert (await station.owner.get("/source-folders/missing")).status_code == 403
    assert (
        await station.owner.patch(f"{SOURCES}/{made['id']}/toggle?is_active=true")
    ).status_code == 403
    run = await station.run(made)
    assert (run["state"], run["imported"]) == ("failed", 0)
    assert (
        await station.operator.patch(f"{SOURCES}/{made['id']}/toggle?is_active=true")
    ).status_code == 200
    assert (await station.operator.get("/source-folders/missing")).json() == []


async def test_project_creation_can_be_left_to_operators(
    station: Station, application: FastAPI
) -> None:
    assert (await station.owner.post("/projects", json={"name": "Bog"})).status_code == 201
    assert (await station.owner.get("/auth/me")).json()["can_create_projects"] is True
    application.state.system = replace(station.system, operators_create_projects=True)
    refused = await station.owner.post("/projects", json={"name": "Heath"})
    assert refused.status_code == 403
    assert "TRAPLINE_PROJECT_CREATION" in refused.json()["detail"]
    assert (await station.owner.get("/auth/me")).json()["can_create_projects"] is False
    assert (await station.operator.post("/projects", json={"name": "Heath"})).status_code == 201
