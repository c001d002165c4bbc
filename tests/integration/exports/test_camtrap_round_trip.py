"""A project with each kind of decision, as Camtrap DP into another project and out again.

The tables of both packages are read with Frictionless and compared row by row.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.api_project import SYSTEM
from tests.support.deployment_values import FULL
from tests.support.exchange_project import (
    SIZE,
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    validate_package,
)
from tests.support.image_factory import make_jpeg

from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.app_context import AppContext

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.5), (0.5, 0.2, 0.3, 0.5)
FOX, TWO = [("fox", LEFT)], [("fox", LEFT), ("badger", RIGHT)]
MODEL: dict[str, Sequence[tuple[Any, ...]]] = {
    "fox.jpg": FOX,
    "two.jpg": TWO,
    "people.jpg": [("person", LEFT), ("vehicle", RIGHT)],
    "unmapped.jpg": [("heron", LEFT)],
    "nothing.jpg": [],
    "confirmed.jpg": TWO,
    "confirmed-nothing.jpg": [],
    "confirmed-box.jpg": TWO,
    "corrected-box.jpg": TWO,
    "removed-box.jpg": TWO,
    "renamed.jpg": TWO,
    "counted.jpg": FOX,
    "many.jpg": [],
    "called-blank.jpg": TWO,
    "unsure.jpg": FOX,
    "unsure-nothing.jpg": [],
    "unsure-box.jpg": TWO,
    "several.jpg": TWO,
    "drawn.jpg": FOX,
    "commented.jpg": FOX,
    "unnamed.jpg": [("animal", LEFT)],
    "strange.jpg": [("thing", LEFT)],
    "uncounted.jpg": [],
    **{f"pair-{number}.jpg": FOX for number in range(3)},
    **{f"herd-{number}.jpg": [] for number in range(3)},
    **{f"empty-{number}.jpg": TWO for number in range(2)},
    **{f"mixed-{number}.jpg": TWO for number in range(2)},
}
"""The boxes of a model on each image."""
PATHS = [*MODEL, "new.jpg", "classified.jpg", "empty-by-class.jpg"]
BY_CLASS = {"classified.jpg": ("fox", 0.83), "empty-by-class.jpg": ("blank", 0.97)}


async def create_project(system: AppContext, name: str) -> ExchangeProject:
    """Create a project with images; those with the same name before the dash are a sequence."""
    project = await make_exchange_project(system, name)
    body = {"project": project.field.project} | FULL
    made = await project.send("POST", "/deployments", body, 201)
    at, before = datetime(2026, 5, 10, 6, tzinfo=UTC), ""
    files = []
    for number, path in enumerate(PATHS):
        group = path.rpartition("-")[0] or path
        at += timedelta(seconds=5 if group == before and path[-5].isdigit() else 600)
        before = group
        content = make_jpeg(number, size=SIZE, taken=at)
        files.append(("files", (path, content, "image/jpeg")))
    answer = await project.field.client.post(
        "/api/v2/images",
        data={"project": str(project.field.project), "deployment": made["id"]},
        files=files,
        headers={"Authorization": f"Token {project.field.owner}"},
    )
    for path, one in zip(PATHS, answer.json()["files"], strict=True):
        assert one["outcome"] == "imported", one
        project.images[path] = one["image_id"]
    await group_images(system, SYSTEM)
    return project


async def decide(project: ExchangeProject) -> None:
    """Make each kind of decision."""
    ranks = {"class": "Mammalia", "family": "Canidae", "genus": "Vulpes"}
    fox = await project.create_taxon("Vulpes vulpes", "fox", rank="species", higher_ranks=ranks)
    badger = await project.create_taxon("Meles meles", "badger", rank="species")
    deer = await project.create_taxon("Capreolus capreolus", rank="species")
    await project.detect(MODEL)
    predictions = [
        {"filepath": path, "classifications": {"classes": [name], "scores": [score]},
         "prediction": name, "prediction_score": score, "prediction_source": "classifier",
         "model_version": "1"}
        for path, (name, score) in BY_CLASS.items()
    ]  # fmt: skip
    body = json.dumps({"predictions": predictions}).encode()
    made = await project.import_file("speciesnet", body)
    assert (made["state"], made["faults"]) == ("completed", 0), made
    details = {"count": 2, "sex": "female", "life_stage": "adult", "behaviour": "fishing"}
    images: list[dict[str, Any]] = [
        {"images": ["confirmed.jpg"], "kind": "confirm", "comment": "sharp"},
        {"images": ["confirmed-nothing.jpg"], "kind": "confirm"},
        {"images": ["renamed.jpg"], "kind": "correct", "taxon": deer},
        {"images": ["counted.jpg"], "kind": "correct", "taxon": fox, "individual_id": "Ada"}
        | details,
        {"images": ["many.jpg"], "kind": "correct", "label": "midge"},
        {"images": ["called-blank.jpg"], "kind": "blank", "comment": "grass"},
        {"images": ["unsure.jpg", "unsure-nothing.jpg"], "kind": "unsure", "comment": "dark"},
        {"images": ["several.jpg"], "kind": "correct", "taxa": [
            {"taxon": fox, "count": 3, "life_stage": "juvenile"},
            {"taxon": badger}, {"label": "wood mouse", "count": 1, "individual_id": "Max"},
        ]},
        {"images": ["commented.jpg"], "kind": "comment", "comment": "a nice one"},
        {"images": ["unnamed.jpg"], "kind": "confirm"},
        {"images": ["strange.jpg"], "kind": "correct", "label": "unknown", "count": 2},
        {"images": ["uncounted.jpg"], "kind": "correct", "taxa": [{"taxon": fox}, {"taxon": deer}]},
        {"images": ["mixed-0.jpg"], "kind": "comment", "comment": "and a remark"},
    ]  # fmt: skip
    for one in images:
        one["images"] = [project.images[path] for path in one["images"]]
    boxes = {path: await list_boxes(project, path) for path in MODEL if "-box" in path}
    images += [
        {"annotations": boxes["confirmed-box.jpg"][:1], "kind": "confirm"},
        {"annotations": boxes["corrected-box.jpg"][:1], "kind": "correct", "taxon": deer} | details,
        {"annotations": boxes["removed-box.jpg"][:1], "kind": "blank"},
        {"annotations": boxes["unsure-box.jpg"][:1], "kind": "unsure"},
    ]
    sequences = {
        name: (await project.send("GET", f"/images/{project.images[f'{name}-0.jpg']}"))[
            "sequence_id"
        ]
        for name in ("pair", "herd", "empty")
    }
    images += [
        {"sequences": [sequences["pair"]], "kind": "correct", "taxon": fox, "count": 2},
        {"sequences": [sequences["herd"]], "kind": "correct", "taxon": deer, "count": 7,
         "apply_to": "all", "comment": "a herd"},
        {"sequences": [sequences["empty"]], "kind": "blank"},
        {"images": [project.images["mixed-0.jpg"]], "kind": "correct", "taxon": fox, "count": 1},
        {"images": [project.images["mixed-1.jpg"]], "kind": "blank"},
    ]  # fmt: skip
    await project.send("POST", "/identifications", {"identifications": images}, 201)
    tags = {"images": [project.images["commented.jpg"]], "add_tags": ["snow", "night"]}
    await project.send("PATCH", "/images", tags)
    corners = {"x_min": 100, "y_min": 20, "x_max": 160, "y_max": 70}
    drawn = {"image": project.images["drawn.jpg"], "box": corners, "taxon": deer, "count": 1}
    await project.send("POST", "/annotations", {"annotations": [drawn]}, 201)


async def list_boxes(project: ExchangeProject, path: str) -> list[str]:
    """List the boxes of an image from left to right."""
    found = await project.send("GET", f"/images/{project.images[path]}/analyses")
    boxes = await project.send("GET", f"/analyses/{found['results'][0]['id']}/annotations")
    placed = [one for one in boxes["results"] if one["annotation_type"] == "bounding_box"]
    return [one["id"] for one in sorted(placed, key=lambda one: one["data"]["x_min"])]


def read_tables(content: bytes, folder: Path) -> tuple[dict[str, list[str]], list[Any]]:
    """Return the sorted rows of each table without the paths of files, and the taxa."""
    folder.mkdir()
    package = open_package(content, folder)
    assert validate_package(package) == []
    tables = {
        name: sorted(
            str({key: str(value) for key, value in row.items() if key != "filePath"})
            for row in read_resource(package, name)
        )
        for name in ("deployments", "media", "observations")
    }
    return tables, sorted(package.to_dict()["taxonomic"], key=str)


async def test_package_of_each_decision_is_equal_after_a_round_trip(
    system: AppContext, tmp_path: Path
) -> None:
    """Only `filePath` differs, which contains the ID of the image in the project."""
    project = await create_project(system, "first")
    await decide(project)
    _, content = await project.export("camtrap-dp")
    before, taxa = read_tables(content, tmp_path / "before")
    rows = " ".join(before["observations"])
    kinds = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
    assert [kind for kind in kinds if f"'observationType': '{kind}'" not in rows] == []
    copy = await create_project(system, "second")
    made = await copy.import_file("camtrap-dp", content)
    # Two images of one event, and two boxes of two images: exports combine them again.
    kept = [one for one in made["listed_faults"] if "combined in exports" in one]
    assert (made["state"], made["listed_faults"], made["left_out"]) == ("completed", kept, 0)
    assert len(kept) == 3
    again = await copy.import_file("camtrap-dp", content)
    assert (again["stored"], again["identifications"]) == (0, 0), again
    _, exported = await copy.export("camtrap-dp")
    after, taxa_after = read_tables(exported, tmp_path / "after")
    for name, expected in before.items():
        assert after[name] == expected, name
    assert taxa_after == taxa
    individuals = [
        (await one.send("GET", f"/observations/individuals?project={one.field.project}"))["results"]
        for one in (project, copy)
    ]
    assert [{each["individual_id"] for each in one} for one in individuals] == [{"Ada", "Max"}] * 2
