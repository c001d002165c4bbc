"""Signed URLs expire within the hour, and immediately if their image is deleted."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.image_factory import make_jpeg

from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.app_context import AppContext

URLS = ("thumbnail_url", "preview_url", "file_url")


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=0)


async def upload(field: Field, *files: bytes, **place: str) -> list[str]:
    """Upload images, of which the second is turned; answers their IDs."""
    parts = [("files", (f"{number}.jpg", data, "image/jpeg")) for number, data in enumerate(files)]
    headers = {"Authorization": f"Token {field.owner}"}
    data = place or {"project": str(field.project)}
    answer = await field.client.post("/api/v2/images", data=data, files=parts, headers=headers)
    assert answer.status_code == 200, answer.text
    while await generate_thumbnails(field.system, SYSTEM):
        pass
    return [file["image_id"] for file in answer.json()["files"]]


async def show(field: Field, image: str) -> dict[str, Any]:
    answer = await field.call("GET", f"/images/{image}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read(field: Field, url: str) -> int:
    split = urlsplit(url)
    return (await field.client.get(f"{split.path}?{split.query}")).status_code


async def read_all(field: Field, image: dict[str, Any]) -> list[int]:
    return [await read(field, image[name]) for name in URLS]


async def change(field: Field, action: str, *images: str) -> None:
    body: dict[str, Any] = {"images": list(images)} | (
        {"reason": "a person"} if action == "delete" else {}
    )
    answer = await field.call("POST", f"/images/{action}", body)
    assert answer.status_code == 200, answer.text


def expiry_of(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["expires"][0])


async def test_urls_of_images_expire_within_the_hour_and_so_do_their_copies_in_browsers(
    field: Field,
) -> None:
    [first] = await upload(field, make_jpeg(1))
    image = await show(field, first)
    for name in URLS:
        left = expiry_of(image[name]) - time.time()
        assert 29 * 60 < left <= 60 * 60
        assert expiry_of(image[name]) % 1800 == 0, "so that a browser finds it in its cache again"
        split = urlsplit(image[name])
        served = await field.client.get(f"{split.path}?{split.query}")
        assert served.status_code == 200
        directives = dict(
            part.strip().partition("=")[::2] for part in served.headers["cache-control"].split(",")
        )
        assert int(directives["max-age"]) <= expiry_of(image[name]) - time.time() + 2


async def test_files_of_a_deleted_image_are_refused_immediately(field: Field) -> None:
    deleted, turned, other = await upload(
        field, make_jpeg(1), make_jpeg(2, orientation=6), make_jpeg(3)
    )
    before = {key: await show(field, key) for key in (deleted, turned, other)}
    assert before[turned]["file_url"].partition("?")[0].endswith(".jpg"), "an upright copy"
    await change(field, "delete", deleted, turned)
    assert await read_all(field, before[deleted]) == [404, 404, 404]
    assert await read_all(field, before[turned]) == [404, 404, 404]
    assert await read_all(field, before[other]) == [200, 200, 200]
    listed = (await field.call("GET", f"/images?project={field.project}&deleted=true")).json()[
        "results"
    ]
    assert {image["id"] for image in listed} == {deleted, turned}
    for image in listed:
        assert await read_all(field, image) == [200, 200, 200], "managers see what they deleted"
    await change(field, "restore", deleted, turned)
    assert await read_all(field, before[deleted]) == [200, 200, 200]


async def test_the_same_bytes_are_served_while_one_image_of_them_is_not_deleted(
    field: Field,
) -> None:
    second = (
        await field.call("POST", "/deployments", {"project": field.project, "name": "second"})
    ).json()
    data = make_jpeg(4)
    [here] = await upload(field, data)
    [there] = await upload(field, data, deployment=second["id"])
    assert here != there
    image = await show(field, here)
    await change(field, "delete", here)
    assert await read(field, image["file_url"]) == 200
    assert await read(field, image["thumbnail_url"]) == 404, "each image has its own thumbnails"
    await change(field, "delete", there)
    assert await read(field, image["file_url"]) == 404


async def test_files_of_a_deleted_project_are_refused(field: Field) -> None:
    [image] = await upload(field, make_jpeg(5))
    shown = await show(field, image)
    answer = await field.call("DELETE", f"/projects/{field.project}?name=field")
    assert answer.status_code == 200, answer.text
    assert await read_all(field, shown) == [404, 404, 404]


async def test_the_url_of_a_task_outlives_its_lease_while_its_worker_has_access(
    field: Field,
) -> None:
    first, second = await upload(field, make_jpeg(6), make_jpeg(7))
    job = await field.run_job()
    by_image = {task["image_id"]: task["image_url"] for task in await field.lease(job)}
    person = await field.run_job()
    of_person = {
        task["image_id"]: task["image_url"] for task in await field.lease(person, token=field.owner)
    }
    urls = [*by_image.values(), *of_person.values()]
    longest = field.system.leases.lease_s + field.system.leases.lease_max_s
    assert all(expiry_of(url) - time.time() > longest for url in urls)
    assert [await read(field, url) for url in urls] == [200] * 4
    downloads = (await field.call("GET", f"/audit?project={field.project}&action=download")).json()[
        "results"
    ]
    assert {line["subject_id"] for line in downloads} == {first, second}, "those of the person"
    assert len(downloads) == 2
    await change(field, "delete", first)
    assert await read(field, by_image[first]) == 404
    assert await read(field, of_person[first]) == 404
    tokens = (await field.call("GET", "/auth/tokens")).json()["results"]
    [worker] = [token["id"] for token in tokens if token["kind"] == "worker"]
    assert (await field.call("DELETE", f"/auth/tokens/{worker}")).status_code == 204
    assert await read(field, by_image[second]) == 403
    assert await read(field, of_person[second]) == 200


async def test_the_url_of_a_task_ends_with_the_membership_of_its_caller(field: Field) -> None:
    await upload(field, make_jpeg(8))
    other = await make_field(field.system, images=0, name="other")
    members = f"/projects/{field.project}/members"
    added = await field.call("POST", members, {"email": "other@field.example", "role": "manager"})
    assert added.status_code == 201, added.text
    job = await field.run_job()
    [task] = await field.lease(job, token=other.worker)
    assert await read(field, task["image_url"]) == 200
    assert (await field.call("DELETE", f"{members}/{other.user_id}")).status_code == 204
    assert await read(field, task["image_url"]) == 403
