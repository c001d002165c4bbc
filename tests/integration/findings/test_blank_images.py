"""An image is blank if no current analysis of any pipeline has a finding, on every surface."""

import asyncio
import csv
import io
import zipfile
from typing import Any

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success
from tests.support.export_client import Desk
from tests.support.external_pipeline import begin, box
from tests.support.import_client import box as imported_box
from tests.support.import_client import make_named_field, megadetector, take

from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.platform.app_context import AppContext

SPECIESNET_BLANK = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await _place(await make_field(system))


async def _place(field: Field) -> Field:
    # Camtrap DP requires it.
    [deployment] = (await field.call("GET", f"/deployments?project={field.project}")).json()[
        "results"
    ]
    place = {"latitude": 46.5, "longitude": 7.5}
    assert (await field.call("PATCH", f"/deployments/{deployment['id']}", place)).status_code == 200
    return field


def whole(name: str, confidence: float = 0.9) -> dict[str, Any]:
    """Build the classification of a whole image."""
    top = [{"class": name, "confidence": confidence}]
    return {
        "annotation_type": "classification",
        "class_name": name,
        "confidence": confidence,
        "data": {"topk": top},
    }


async def run(
    field: Field,
    model: str,
    *found: dict[str, Any],
    image: int = 0,
    version: str = "1",
    **told: Any,
) -> None:
    """Run an external pipeline on an image."""
    named = {"model_name": model, "model_version": version}
    outside = await begin(field, field.images[image], **named, **told)
    if found:
        await outside.post(list(found))
    assert (await outside.call("POST", "/finalize", {"status": "completed"})).status_code == 200


async def see(
    field: Field, image: int = 0, *, exported: bool = False
) -> tuple[bool | None, list[str], int]:
    """Return whether an image is blank, its classes and its number of boxes.

    All surfaces must agree, with `exported` also the exports, which take most of the time.
    """
    key, project = str(field.images[image]), f"project={field.project}"
    await field.change("update day_counts set counted_at = counted_at - interval '1 h'")
    while await update_day_counts(field.system, SYSTEM):
        pass
    listed = {
        blank: {
            one["id"]
            for one in (await field.call("GET", f"/images?{project}&blank={blank}")).json()[
                "results"
            ]
        }
        for blank in ("true", "false")
    }
    blank = True if key in listed["true"] else False if key in listed["false"] else None
    shown = (await field.call("GET", f"/images/{key}")).json()
    classes = sorted(shown["classes"])
    summary = (await field.call("GET", f"/summary?{project}")).json()
    assert summary["blank"] == sum(day["blank"] for day in summary["days"]) == len(listed["true"])
    counts = {one["class_name"]: one["images"] for one in summary["classes"]}
    facets = (await field.call("GET", f"/images/classes?{project}")).json()
    assert {one["class_name"]: one["images"] for one in facets["results"]} == counts
    for name in classes:
        found = (await field.call("GET", f"/images?{project}&class={name}")).json()["results"]
        assert key in [one["id"] for one in found]
        assert counts[name] == len(found)
    if exported:
        await expect_exported(field, key, blank)
    return blank, classes, len(shown["boxes"])


async def expect_exported(field: Field, key: str, blank: bool | None) -> None:
    """Compare the CSV and Camtrap DP exports of an image with what the API shows."""
    desk = Desk(field)
    rows = await desk.read((await desk.make(selection={"images": [key]}))["id"])
    assert {row["blank"] for row in rows} == {{True: "True", False: "False", None: ""}[blank]}
    package = await desk.download(
        (await desk.make("camtrap-dp", selection={"images": [key]}))["id"]
    )
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        observations = list(csv.DictReader(io.StringIO(archive.read("observations.csv").decode())))
    assert [one["observationType"] == "blank" for one in observations] == [blank is True] * len(
        observations
    )


async def test_a_pipeline_that_finds_nothing_hides_no_finding_of_another(field: Field) -> None:
    await run(field, "detector", box())
    await run(field, "plate-reader")
    assert await see(field, exported=True) == (False, ["deer"], 1)
    said = {"identifications": [{"kind": "confirm", "images": [str(field.images[0])]}]}
    assert (await field.call("POST", "/identifications", said)).status_code == 201
    desk = Desk(field)
    rows = await desk.read((await desk.make(selection={"images": [str(field.images[0])]}))["id"])
    told = [
        (row["class_name"], row["said"], row["reviewed"]) for row in rows if row["type"] != "image"
    ]
    assert told == [("deer", "confirm", "True")], (
        "the analysis with findings is the one that is confirmed"
    )
    await run(field, "plate-reader", image=1)
    assert await see(field, 1, exported=True) == (True, [], 0), (
        "an external analysis that is the only one counts as any other"
    )
    await run(field, "detector", box(), image=1)
    assert await see(field, 1) == (False, ["deer"], 1)
    await run(field, "measures", {"annotation_type": "custom", "data": {"moon": 0.5}}, image=2)
    assert await see(field, 2, exported=True) == (None, [], 0)


async def test_a_pipeline_that_looks_for_something_else_makes_nothing_blank(field: Field) -> None:
    plate = box(class_name="license plate")
    await run(field, "plate-reader", image=1, looks_for=["other"])
    assert await see(field, 1, exported=True) == (None, [], 0)
    # A later request without a declaration keeps it.
    await run(field, "plate-reader", plate, image=2)
    assert await see(field, 2) == (None, [], 0)
    await run(field, "detector", box(), looks_for=["animal", "human"])
    await run(field, "plate-reader", image=0)
    assert await see(field) == (False, ["deer"], 1)
    await run(field, "detector", image=1)
    await run(field, "plate-reader", plate, image=1)
    assert await see(field, 1, exported=True) == (True, [], 0), (
        "a plate does not hide that there is no animal"
    )
    await run(field, "speed-camera", image=2, looks_for=["other", "vehicle"])
    assert await see(field, 2) == (True, [], 0), "one that looks for vehicles counts"


async def test_a_newer_analysis_of_the_same_pipeline_replaces_the_findings_of_the_older_one(
    field: Field,
) -> None:
    await run(field, "detector", box(class_name="wolf"), box(1, confidence=0.8))
    await run(field, "plate-reader")
    await run(field, "detector", box(confidence=0.4), version="2")
    assert await see(field) == (False, ["deer"], 1)
    rows = await field.ask("select round(confidence::numeric, 3)::text from image_classes")
    assert rows == [("0.400",)], "of the newer one alone"
    await run(field, "detector", version="3")
    assert await see(field, exported=True) == (True, [], 0)
    older = await begin(field, field.images[1], model_name="detector")
    await run(field, "detector", image=1)
    await older.post([box()])
    assert (await older.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    assert await see(field, 1, exported=True) == (True, [], 0), (
        "one that was begun before a completed one is not current"
    )


@pytest.mark.parametrize(
    "found",
    [
        [whole("blank")],
        [whole("Empty", 0.99), whole("BLANK", 0.1)],
        [whole(SPECIESNET_BLANK)],
        [box(class_name="blank")],
        [box(class_name="animal"), whole("blank") | {"parent": 0}],
    ],
)
async def test_a_label_that_means_blank_is_not_a_finding(
    field: Field, found: list[dict[str, Any]]
) -> None:
    await run(field, "classifier", *found)
    blank, classes, _ = await see(field, exported=True)
    assert (blank, classes) == (True, [])
    await run(field, "detector", box())
    blank, classes, _ = await see(field)
    assert (blank, classes) == (False, ["deer"])


async def test_results_of_workers_count_alike(field: Field) -> None:
    """Return a first result, one after another pipeline's, and one that names only blank."""
    await run(field, "detector", box(), image=1)
    job = await field.run_job()
    tasks = {task["image_id"]: task for task in await field.lease_all(job)}
    first, second, third = [tasks[str(image)] for image in field.images]
    empty = success(first)["result"]["detections"]
    for detection in empty:
        for classification in detection["classifications"]:
            classification["classification"] = "Blank"
    posted = [success(first, detections=empty), success(second, detections=[]), success(third)]
    assert set(await field.post(job, posted)) == {"accepted"}
    assert (await see(field, exported=True))[:2] == (True, [])
    assert (await see(field, 1))[:2] == (False, ["deer"])
    found = await see(field, 2, exported=True)
    assert (found[0], found[1]) == (False, ["moth"])
    assert (await field.show(job))["nothing_found"] == 2


async def test_results_of_two_pipelines_at_the_same_time_are_both_seen(field: Field) -> None:
    for number in range(6):
        image = field.images[number % 3]
        racing = [await begin(field, image, model_name=f"{number}-{place}") for place in range(4)]
        await racing[number % 4].post([box()])
        await asyncio.gather(
            *[outside.call("POST", "/finalize", {"status": "completed"}) for outside in racing]
        )
        assert await see(field, number % 3, exported=number == 5) == (False, ["deer"], 1)


async def test_imported_results_count_alike(system: AppContext) -> None:
    field = await _place(await make_named_field(system))
    await run(field, "detector", box())
    content = megadetector(
        {"file": "IMG_0.JPG", "detections": []},
        {"file": "IMG_1.JPG", "detections": [imported_box("3")]},
        {"file": "IMG_2.JPG", "detections": [imported_box(), imported_box("3")]},
        detection_categories={"1": "animal", "3": "empty"},
    )
    assert (await take(field, content))["state"] == "completed"
    assert (await see(field))[:2] == (False, ["deer"])
    assert (await see(field, 1, exported=True))[:2] == (True, [])
    assert (await see(field, 2))[:2] == (False, ["animal"])
