"""Pull sources over HTTP: valid and invalid settings, and secrets that are never returned."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import AddressNotAllowed, Unprocessable
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.wire.sources import AuthType, NewSource, SourceSettings

SYSTEM = Scope.system()
PATH = "/image-pull-sources"


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


@pytest.fixture
async def client(app_client: httpx2.AsyncClient, house: House) -> httpx2.AsyncClient:
    app_client.headers["Authorization"] = f"Bearer {house.tokens['owner']}"
    return app_client


def settings(house: House, **more: Any) -> dict[str, Any]:
    return {
        "name": "oak",
        "base_url": "https://camera.example/DCIM/",
        "location_id": house.ids["deployment_id"],
        **more,
    }


@pytest.mark.parametrize("prefix", ["", "/api/v2"])
async def test_a_source_is_made_shown_changed_paused_and_deleted(
    client: httpx2.AsyncClient, house: House, prefix: str
) -> None:
    made = await client.post(
        f"{prefix}{PATH}/", json=settings(house, auth_type="bearer", auth_password="s3cret")
    )
    assert made.status_code == 201, made.text
    source = made.json()
    assert made.headers["location"] == f"/api/v2{PATH}/{source['id']}"
    assert (source["gateway"], source["max_files_per_run"], source["schedule"]) == (
        "http",
        10,
        "0 * * * *",
    )
    assert (source["has_password"], source["health"], source["location_id"]) == (
        True,
        "new",
        house.ids["deployment_id"],
    )
    assert source["next_run"] is not None
    path = f"{prefix}{PATH}/{source['id']}"
    shown = await client.get(path)
    changed = await client.patch(
        path, json={"schedule": "*/15 * * * *"}, headers={"If-Match": shown.headers["etag"]}
    )
    assert changed.json()["schedule"] == "*/15 * * * *"
    late = await client.patch(
        path, json={"name": "elm"}, headers={"If-Match": shown.headers["etag"]}
    )
    assert late.status_code == 412
    assert (await client.patch(f"{path}/toggle")).json()["is_active"] is False
    assert (await client.patch(f"{path}/toggle?is_active=false")).json()["health"] == "paused"
    assert (await client.patch(f"{path}/toggle")).json()["is_active"] is True
    for answer in (made, shown, changed, await client.get(f"{prefix}{PATH}")):
        assert "s3cret" not in answer.text
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base_url": "gopher://camera.example/"}, "must start with one of"),
        ({"base_url": "https://ranger:pw4711@camera.example/"}, "auth_username"),
        ({"base_url": "not an address"}, "must start with"),
        ({"base_url": "file:///etc"}, "TRAPLINE_SOURCE_FOLDERS"),
        ({"base_url": "file:///etc", "gateway": "http"}, "does not support"),
        ({"schedule": "hourly"}, "cron"),
        ({"filename_time_pattern": "IMG_*"}, "year, month and day"),
        ({"auth_type": "basic", "auth_password": "x"}, "auth_username"),
        ({"auth_type": "basic", "auth_username": "a:b", "auth_password": "x"}, "colon"),
        ({"auth_type": "header", "auth_header": "Host: elsewhere"}, "Host"),
        ({"auth_type": "header", "auth_header": "X-Key: a\r\nX: b"}, "one line"),
        ({"auth_type": "bearer", "auth_password": "pw4711\n"}, "auth_password"),
        ({"auth_type": "bearer", "auth_password": "pw4711\u00e4"}, "auth_password"),
        ({"auth_type": "bearer", "auth_header": "Bearer pw4711\x01"}, "auth_header"),
        ({"base_url": "https://camera.example:99999/"}, "65535"),
        ({"base_url": "ftp://camera.example/a%0D%0ADELE%20b/"}, "line break"),
        ({"base_url": "ftps://camera.example/a\r\nDELE b/"}, "line break"),
        (
            {
                "base_url": "sftp://camera.example/a%00",
                "auth_type": "basic",
                "auth_username": "a",
                "auth_password": "x",
            },
            "control character",
        ),
        ({"include": ["*.jpg"] * 101}, "include"),
        ({"exclude": ["x" * 301]}, "exclude"),
        ({"user_id": "018f0000-0000-7000-8000-000000000001"}, "not your own"),
    ],
)
async def test_settings_that_cannot_work_are_refused_in_words(
    client: httpx2.AsyncClient, house: House, wrong: dict[str, Any], words: str
) -> None:
    answer = await client.post(PATH, json=settings(house, **wrong))
    assert answer.status_code in (403, 422), answer.text
    assert words in answer.text
    assert "pw4711" not in answer.text


async def test_an_ftp_user_may_have_a_colon_and_patterns_be_a_hundred(
    client: httpx2.AsyncClient, house: House
) -> None:
    signed = {
        "auth_type": "basic",
        "auth_username": "a:b",
        "auth_password": "x",
        "base_url": "ftp://camera.example/%20",
    }
    made = await client.post(PATH, json=settings(house, **signed, include=["x" * 300] * 100))
    assert made.status_code == 201, made.text


async def test_timeouts_are_shown_and_null_brings_the_usual_ones_back(
    client: httpx2.AsyncClient, house: House
) -> None:
    names = ("connect_timeout_s", "list_timeout_s", "download_timeout_s")
    made = await client.post(PATH, json=settings(house, connect_timeout_s=3, list_timeout_s=90))
    assert [made.json()[name] for name in names] == [3, 90, None]
    path = f"{PATH}/{made.json()['id']}"
    changed = await client.patch(path, json={"connect_timeout_s": None, "download_timeout_s": 5.5})
    assert [changed.json()[name] for name in names] == [None, 90, 5.5]
    assert [(await client.get(path)).json()[name] for name in names] == [None, 90, 5.5]


async def test_names_are_unique_in_a_project(client: httpx2.AsyncClient, house: House) -> None:
    assert (await client.post(PATH, json=settings(house))).status_code == 201
    assert (await client.post(PATH, json=settings(house))).status_code == 409


async def test_a_new_server_does_not_get_the_old_ones_password(
    client: httpx2.AsyncClient, house: House
) -> None:
    made = await client.post(
        PATH, json=settings(house, auth_type="basic", auth_username="a", auth_password="old")
    )
    path = f"{PATH}/{made.json()['id']}"
    moved = await client.patch(path, json={"base_url": "https://elsewhere.example/"})
    assert moved.status_code == 422
    assert "password" in moved.json()["detail"]
    assert (
        await client.patch(path, json={"base_url": "https://camera.example/other/"})
    ).status_code == 200
    for url in (
        "https://elsewhere.example/",
        "https://camera.example:8443/",
        "http://camera.example/",
    ):
        other = await client.patch(path, json={"base_url": url, "auth_header": None})
        assert other.status_code == 422, "an omitted header does not release the password"
        tested = await client.post(f"{path}/test", json={"base_url": url})
        assert tested.status_code == 422, "a test does not release it either"
    both = {"base_url": "https://elsewhere.example/", "auth_password": "new"}
    assert (await client.patch(path, json=both)).status_code == 200
    forgotten = {"base_url": "https://camera.example/", "auth_type": "none"}
    assert (await client.patch(path, json=forgotten)).json()["has_password"] is False


async def test_a_password_does_not_reach_another_server_by_way_of_a_folder(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    system = replace(system, source_folders=(tmp_path,))
    new = NewSource(
        name="oak", base_url="https://camera.example/", deployment=UUID(house.ids["deployment_id"]),
        auth_type=AuthType.BEARER, auth_password="old",
    )  # fmt: skip
    source = await sources.create_source(system, SYSTEM, new)
    with pytest.raises(Unprocessable, match="another server"):
        await sources.update_source(
            system, SYSTEM, source.id, SourceSettings(base_url=f"file://{tmp_path}")
        )


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost:8000/", "http://169.254.169.254/", "http://10.0.0.7/"],
)
async def test_a_test_of_an_inner_address_says_that_it_is_not_allowed(
    client: httpx2.AsyncClient, house: House, url: str
) -> None:
    answer = await client.post(f"{PATH}/test", json={"source": settings(house, base_url=url)})
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert "may not connect to" in answer.json()["detail"]


async def test_a_folder_is_pulled_where_the_operator_allows_it(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    card = tmp_path / "card"
    (card / "DCIM").mkdir(parents=True)
    (card / "DCIM" / "IMG_1.JPG").write_bytes(make_jpeg(1))
    (card / "passwd.jpg").symlink_to("/etc/passwd")
    system = replace(system, source_folders=(tmp_path,))
    new = NewSource(
        name="card", base_url=f"file://{card}", deployment=UUID(house.ids["deployment_id"])
    )
    source = await sources.create_source(system, SYSTEM, new)
    accepted = await pull_run_starts.start_run(system, SYSTEM, source.id, None)
    await pull_runs.run_pull(system, SYSTEM, accepted.run_id)
    run = await sources.get_run(system, SYSTEM, source.id, accepted.run_id)
    assert (source.gateway, run.state, run.listed, run.imported) == ("folder", "completed", 1, 1)


async def test_where_a_folder_leads_is_not_told(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    """Errors for members do not show where a link in the path of a folder leads."""
    (tmp_path / "allowed" / "inner").mkdir(parents=True)
    (tmp_path / "card").symlink_to(tmp_path / "allowed" / "inner")
    (tmp_path / "out").symlink_to("/etc")
    system = replace(system, source_folders=(tmp_path / "allowed",))
    new = NewSource(
        name="card", base_url=f"file://{tmp_path}/card", deployment=UUID(house.ids["deployment_id"])
    )
    with pytest.raises(AddressNotAllowed) as refused:
        await sources.create_source(
            system, SYSTEM, new.model_copy(update={"base_url": f"file://{tmp_path}/out"})
        )
    assert f"file://{tmp_path}/out" in refused.value.detail
    assert "/etc" not in refused.value.detail
    source = await sources.create_source(system, SYSTEM, new)
    (tmp_path / "allowed" / "inner").rmdir()
    told = (await run_source_test(system, SYSTEM, source.id, 0)).detail
    assert "cannot be listed" in told
    assert "inner" not in told


@pytest.mark.parametrize(
    ("base_url", "options"),
    [
        ("http://127.0.0.1:8000/", {}),
        ("ftp://169.254.169.254/", {}),
        ("sftp://10.0.0.8/DCIM", {}),
        ("https://camera.example:5432/", {}),
        ("s3://bucket/", {"endpoint": "http://[::1]:9000"}),
    ],
)
async def test_a_forbidden_address_is_not_saved(
    client: httpx2.AsyncClient, house: House, base_url: str, options: dict[str, str]
) -> None:
    wanted = settings(house, base_url=base_url, options=options)
    if base_url.startswith("sftp"):
        wanted |= {"auth_type": "basic", "auth_username": "u", "auth_password": "p"}
    answer = await client.post(f"{PATH}/", json=wanted)
    assert answer.status_code == 422, answer.text
    assert "connect" in answer.json()["detail"]
    made = await client.post(f"{PATH}/", json=settings(house))
    path = f"{PATH}/{made.json()['id']}"
    changed = await client.patch(
        path, json=wanted, headers={"If-Match": made.headers.get("ETag", "*")}
    )
    assert changed.status_code == 422
    assert (await client.get(path)).json()["base_url"] == "https://camera.example/DCIM/"
