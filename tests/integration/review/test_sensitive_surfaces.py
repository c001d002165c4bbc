"""No surface reveals the place of a sensitive taxon; each reveals it to an owner."""

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.api_project import SLUG, SYSTEM, success
from tests.support.import_client import box, megadetector, take
from tests.support.loopback_policy import allow_origins
from tests.support.sensitive_project import FILE, FOLDER, SECRETS, Reserve, make_reserve

from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions.content_download import download_content

LIMITED = ("viewer", "reviewer", "manager")


@dataclass
class Busy:
    """A reserve with a source, a result, a failed run, an import and a webhook."""

    reserve: Reserve
    paths: dict[str, int]
    """Paths that name the place, with the status for a role from which it is withheld."""
    quiet: list[str]
    """Paths that name it for no role."""


@pytest.fixture
async def busy(system: AppContext) -> Busy:
    allowed = allow_origins(("10.0.0.1", 80))
    reserve = await make_reserve(replace(system, outbound=allowed))
    project, hidden = reserve.field.project, reserve.hidden
    image = reserve.images[hidden]
    feed = {"name": "fig tree feed", "base_url": "http://camera.example/fig/", "gateway": "http"}
    source = await reserve.call(
        "owner", "POST", "/image-pull-sources", feed | {"deployment": hidden}, 201
    )
    hook = {"project": project, "url": "https://listener.example/x", "analyses_of_jobs": True}
    webhook = (await reserve.call("owner", "POST", "/webhooks", hook, 201))["id"]
    job = await reserve.field.run_job(selection={"deployment": hidden})
    results = [success(task) for task in await reserve.field.lease_all(job)]
    assert await reserve.field.post(job, results) == ["accepted"]
    [analysis] = (await reserve.get("owner", f"/images/{image}"))["analyses"]
    run: dict[str, Any] = {"pipeline": SLUG, "project": project, "content": {}}
    run["content"] = {"urls": [f"http://10.0.0.1/{FILE}"], "deployment": hidden}
    failed = (await reserve.call("owner", "POST", "/pipeline/run", run, 202))["job_id"]
    number = int(str(failed).removeprefix("job-"))
    # The address is not allowed any more, so the run fails with a reason that names its file.
    await download_content(system, SYSTEM, number)
    entry = {"file": f"{FOLDER}/gone.jpg", "detections": [box()]}
    taken = await take(
        reserve.field,
        megadetector(entry),
        folder=f"{FOLDER}={hidden}",
        filename="at the fig tree.json",
    )
    while await update_day_counts(system, SYSTEM):
        pass
    await group_images(system, SYSTEM)
    await generate_thumbnails(system, SYSTEM)
    paths = {
        f"/deployments?project={project}": 200,
        "/deployments": 200,
        f"/deployments/{hidden}": 200,
        f"/images?project={project}&deployment={hidden}": 200,
        f"/images/{image}": 200,
        f"/sequences?project={project}": 200,
        f"/summary?project={project}": 200,
        f"/image-pull-sources?project={project}": 200,
        f"/image-pull-sources/{source['id']}": 404,
        f"/jobs/{number}": 200,
        f"/jobs/{number}/log": 200,
        f"/pipeline/job/{failed}": 200,
        "/pipeline/jobs": 200,
        f"/imports?project={project}": 200,
        f"/imports/{taken['id']}": 200,
        f"/imports/{taken['id']}/folders": 403,
        f"/audit?project={project}": 403,
        f"/analyses/{analysis['id']}/export?format=coco": 200,
    }
    quiet = [
        f"/observations?project={project}",
        f"/observations/groups?project={project}&by=deployment",
        f"/jobs?project={project}",
        f"/exports?project={project}",
        f"/webhooks/{webhook}/deliveries",
    ]
    return Busy(reserve, paths, quiet)


def reveals(answer: Any) -> list[str]:
    text = json.dumps(answer, ensure_ascii=False)
    return [secret for secret in SECRETS if secret in text]


async def test_every_surface_names_the_place_to_an_owner_only(busy: Busy) -> None:
    reserve = busy.reserve
    levels = {"viewer": "0.1", "reviewer": "0.1", "manager": "0.01"}
    await reserve.restrict(**levels)
    for path, status in busy.paths.items():
        assert reveals(await reserve.get("owner", path)) != [], path
        for role in LIMITED:
            assert reveals(await reserve.get(role, path, status)) == [], (role, path)
    for path in busy.quiet:
        answer = await reserve.get("manager", path)
        assert reveals(answer) == [], path
        assert "exports" in path or answer.get("results") or answer["groups"], path


async def test_the_smaller_copies_of_an_image_have_no_metadata(busy: Busy) -> None:
    reserve = busy.reserve
    shown = await reserve.get("viewer", f"/images/{reserve.images[reserve.hidden]}")
    for field in ("thumbnail_url", "preview_url"):
        url = urlsplit(shown[field])
        answer = await reserve.field.client.get(f"{url.path}?{url.query}")
        assert answer.status_code == 200
        assert answer.content.startswith(b"\xff\xd8")
        assert b"fig tree" not in answer.content
        assert b"Exif" not in answer.content


async def test_the_stream_of_a_run_hides_the_name_of_its_image(busy: Busy) -> None:
    reserve = busy.reserve
    [path] = [path for path in busy.paths if path.startswith("/pipeline/job/")]
    await reserve.restrict(viewer="0.1")
    texts = {}
    for role in ("owner", "viewer"):
        headers = {"Authorization": f"Token {reserve.tokens[role]}"}
        answer = await reserve.field.client.get(f"/api/v2{path}/events", headers=headers)
        assert answer.status_code == 200, answer.text
        texts[role] = answer.text
    assert FILE in texts["owner"]
    assert "FAILED" in texts["viewer"]
    assert FILE not in texts["viewer"]


async def test_a_source_is_not_created_where_its_creator_would_not_see_it(busy: Busy) -> None:
    reserve = busy.reserve
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    feed = {"name": "second", "base_url": "http://camera.example/2/", "gateway": "http"}
    body = feed | {"deployment": reserve.hidden}
    await reserve.call("manager", "POST", "/image-pull-sources", body, 403)
    await reserve.call("owner", "POST", "/image-pull-sources", body, 201)


async def test_an_owner_tightens_a_rule_of_an_archived_project(busy: Busy) -> None:
    reserve = busy.reserve
    path = f"/projects/{reserve.field.project}"
    await reserve.call("owner", "PATCH", path, {"archived": True})
    await reserve.restrict(viewer="withheld")
    shown = await reserve.get("viewer", f"/deployments/{reserve.hidden}")
    assert shown["location_precision"] == "withheld"


async def test_a_name_that_is_taken_is_refused_without_a_reason(busy: Busy) -> None:
    reserve = busy.reserve
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    [shown] = [
        one["name"]
        for one in (await reserve.get("manager", f"/deployments?project={reserve.field.project}"))[
            "results"
        ]
        if one["id"] == reserve.hidden
    ]
    answers = set()
    for name in (FOLDER, shown):
        sent = await reserve.field.client.post(
            f"/api/v2/deployments/csv?project={reserve.field.project}",
            content=f"name,notes\n{name},x\n".encode(),
            headers={
                "Authorization": f"Token {reserve.tokens['manager']}",
                "Content-Type": "text/csv",
            },
        )
        assert sent.status_code == 422, sent.text
        assert "sensitive" not in sent.text
        answers.add(json.dumps(sent.json()["errors"]))
    assert len(answers) == 1
    for name in (FOLDER, "Gate"):
        body = {"project": reserve.field.project, "name": name}
        refused = await reserve.call("manager", "POST", "/deployments", body, 409)
        assert "is not available in this project" in refused["detail"]
