"""Simulated analyses are marked, and never counted, filtered, reviewed, published or exported."""

import csv
import io
import zipfile
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import SLUG, SYSTEM, Field, make_field
from tests.support.export_client import Desk
from tests.support.external_pipeline import ask, begin, box

from trapline.server.app.http.application import wrap_middleware
from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.platform.app_context import AppContext, CallbackSettings

SIMULATED = ({"simulated": True}, {"provenance": {"made_by": "trapline simulate"}})
"""The field, and the provenance that programs sent before there was a field."""


@pytest.fixture
async def field(system: AppContext) -> Field:
    built = await make_field(system)
    # Camtrap DP requires a place.
    [deployment] = (await built.call("GET", f"/deployments?project={built.project}")).json()[
        "results"
    ]
    place = {"latitude": 46.5, "longitude": 7.5}
    assert (await built.call("PATCH", f"/deployments/{deployment['id']}", place)).status_code == 200
    return built


async def _run(field: Field, name: str, image: int = 0, **changes: Any) -> str:
    outside = await begin(field, field.images[image], **changes)
    await outside.post([box(class_name=name)])
    assert (await outside.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    return outside.id


async def _list(field: Field, path: str) -> list[dict[str, Any]]:
    answer = await field.call("GET", path)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


async def _count_days(field: Field) -> None:
    await field.change("update day_counts set counted_at = counted_at - interval '1 h'")
    while await update_day_counts(field.system, SYSTEM):
        pass


@pytest.mark.parametrize("how", SIMULATED)
async def test_a_simulated_analysis_is_shown_and_nothing_else(
    field: Field, how: dict[str, Any]
) -> None:
    """On one image alone; on another one it is newer than a result of the same model."""
    alone, other = (str(image) for image in field.images[:2])
    await _run(field, "deer", 1)
    for image in (0, 1):
        await _run(field, "unicorn", image, **how)
    await _count_days(field)
    of_project = f"project={field.project}"
    shown = (await field.call("GET", f"/images/{alone}")).json()
    assert [(one["simulated"], one["annotation_count"]) for one in shown["analyses"]] == [(True, 1)]
    assert (shown["classes"], shown["boxes"], shown["analysis_state"]) == ([], [], None)
    shown = (await field.call("GET", f"/images/{other}")).json()
    assert [one["simulated"] for one in shown["analyses"]] == [False, True], (
        "the simulated one comes last"
    )
    assert (shown["classes"], [one["class_name"] for one in shown["boxes"]]) == (["deer"], ["deer"])
    listed = (await field.client.get(
        f"/api/images/{other}/analyses", headers={"Authorization": f"Token {field.owner}"}
    )).json()["results"]  # fmt: skip
    assert [one["simulated"] for one in listed] == [True, False]
    for query, keys in (
        ("class=unicorn", []), ("class=deer", [other]), ("blank=false", [other]),
        ("blank=true", []),
        ("analysis_state=completed", [other]), ("confidence_min=0.1", [other]),
    ):  # fmt: skip
        assert [one["id"] for one in await _list(field, f"/images?{of_project}&{query}")] == keys, (
            query
        )
    without = await _list(field, f"/images?{of_project}&analysis_state=none")
    assert {one["id"] for one in without} == {alone, str(field.images[2])}
    assert [one["class_name"] for one in await _list(field, f"/images/classes?{of_project}")] == [
        "deer"
    ]
    assert [one["class_name"] for one in await _list(field, f"/annotations?{of_project}")] == [
        "deer"
    ]
    summary = (await field.call("GET", f"/summary?{of_project}")).json()
    assert [(one["class_name"], one["images"]) for one in summary["classes"]] == [("deer", 1)]
    assert summary["blank"] == 0
    desk = Desk(field)
    for form in ("csv", "camtrap-dp", "coco"):
        made = await desk.make(form, selection={"images": [alone, other]})
        content = (await desk.download(made["id"])).content
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = b"".join(archive.read(name) for name in archive.namelist())
        assert b"unicorn" not in content, form
        assert b"deer" in content, form
    rows = list(csv.DictReader(io.StringIO((await desk.download((await desk.make())["id"])).text)))
    assert [row["class_name"] for row in rows if row["type"] != "image"] == ["deer"]


async def test_a_simulated_analysis_does_not_replace_an_analysis_by_a_job(field: Field) -> None:
    await field.register()
    await _run(field, "unicorn", model_name=SLUG, simulated=True)
    job = await field.run_job(selection={"images": [str(field.images[0])], "unanalysed_only": True})
    assert len(await field.lease_all(job)) == 1


async def test_a_simulated_annotation_cannot_be_identified(field: Field) -> None:
    await _run(field, "deer", 1)
    simulated = await _run(field, "unicorn", 1, simulated=True)
    [annotation] = (await field.call("GET", f"/analyses/{simulated}/annotations")).json()["results"]
    said = {"identifications": [{"kind": "confirm", "annotations": [annotation["id"]]}]}
    refused = await field.call("POST", "/identifications", said)
    assert (refused.status_code, "simulated" in refused.json()["detail"]) == (409, True)
    assert await field.ask("select count(*) from identifications") == [(0,)]
    whole = {"identifications": [{"kind": "confirm", "images": [str(field.images[1])]}]}
    assert (await field.call("POST", "/identifications", whole)).status_code == 201
    rows = await Desk(field).read((await Desk(field).make())["id"])
    assert {row["class_name"] for row in rows if row["type"] != "image"} == {"deer"}
    only = {"identifications": [{"kind": "confirm", "images": [str(field.images[0])]}]}
    await _run(field, "unicorn", 0, simulated=True)
    assert (await field.call("POST", "/identifications", only)).status_code == 409


@pytest.mark.parametrize("how", SIMULATED)
async def test_simulated_analyses_have_a_limit_of_the_same_size(
    field: Field, how: dict[str, Any]
) -> None:
    field.system = replace(field.system, callbacks=CallbackSettings(analyses_per_image=2))
    application = application_of(field.system)
    field.client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(wrap_middleware(application)),
        base_url="http://trapline.test",
    )
    answers = [await ask(field, **how) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 400], answers[-1].text
    assert "simulated" in answers[-1].json()["detail"]
    assert (await ask(field)).status_code == 201


@pytest.mark.parametrize("how", SIMULATED)
async def test_simulated_analyses_do_not_count_towards_the_limit(
    field: Field, how: dict[str, Any]
) -> None:
    for number in range(50):
        await begin(field, model_version=str(number))
    assert (await ask(field)).status_code == 400
    await begin(field, **how)


async def test_visitors_of_a_public_project_see_nothing_of_simulated_analyses(field: Field) -> None:
    await field.change("update images set thumbnails_at = now()")
    await _run(field, "deer", 1)
    for image in (0, 1):
        await _run(field, "unicorn", image, simulated=True)
    assert (
        await field.call("PATCH", f"/projects/{field.project}", {"public": True})
    ).status_code == 200
    answer: httpx2.Response = await field.client.get(
        f"/api/v2/public/projects/{field.project}/images"
    )
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["results"]] == [str(field.images[1])]
    assert "unicorn" not in answer.text
