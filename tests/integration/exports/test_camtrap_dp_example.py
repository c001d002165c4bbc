"""The example package of Camtrap DP (TDWG): import it, export the project, compare the tables.

The images are generated: their names and times are those of the example's media.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import frictionless
import pytest
from tests.support.exchange_project import (
    SCHEMAS,
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    validate_package,
)
from tests.support.image_factory import make_jpeg

from trapline.server.platform.app_context import AppContext

EXAMPLE = Path(__file__).with_name("camtrap_dp_example")
TABLES = ("deployments", "media", "observations")
ALONE = "62c200a9"
"""A deployment with five events: unknown animals, martens, birds, ducks and vehicles."""
ZONES = {"+01:00": "Etc/GMT-1", "+02:00": "Etc/GMT-2"}
IDS = ("observationID", "deploymentID", "mediaID", "eventID")
STATED = ("observationType", "scientificName", "lifeStage", "sex", "behavior", "individualID")
Cells = dict[str, str]
Tables = dict[str, list[Cells]]


def read_example() -> Tables:
    tables = {}
    for name in TABLES:
        with (EXAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    return tables


def select_media(tables: Tables, is_kept: Callable[[Cells], bool]) -> Tables:
    """Keep some media, with the rows of observations and deployments that belong to them."""
    media = [row for row in tables["media"] if is_kept(row)]
    keys, places = (
        {row["mediaID"] for row in media} | {""},
        {row["deploymentID"] for row in media},
    )
    return {
        "deployments": [row for row in tables["deployments"] if row["deploymentID"] in places],
        "media": media,
        "observations": [
            row
            for row in tables["observations"]
            if row["mediaID"] in keys and row["deploymentID"] in places
        ],
    }


def thin_out(tables: Tables) -> Tables:
    """Keep the first two media and the last one of each event."""
    events: dict[str, list[str]] = {}
    named = {row["mediaID"]: row["eventID"] for row in tables["observations"] if row["mediaID"]}
    for row in tables["media"]:
        events.setdefault(named[row["mediaID"]], []).append(row["mediaID"])
    kept = {key for keys in events.values() for key in (*keys[:2], keys[-1])}
    return select_media(tables, lambda row: row["mediaID"] in kept)


def only_events(tables: Tables) -> Tables:
    rows = [row for row in tables["observations"] if row["observationLevel"] == "event"]
    return tables | {"observations": rows}


def pack(tables: Tables) -> bytes:
    out, columns = io.BytesIO(), read_example()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(EXAMPLE / "datapackage.json", "datapackage.json")
        for name, rows in tables.items():
            text = io.StringIO()
            writer = csv.DictWriter(text, list(columns[name][0]))
            writer.writeheader()
            writer.writerows(rows)
            archive.writestr(f"{name}.csv", text.getvalue())
    return out.getvalue()


async def upload_images(
    system: AppContext, tables: Tables, name: str, **changes: Any
) -> ExchangeProject:
    """Create a project with the deployments of a package, without their fields, and images."""
    project = await make_exchange_project(system, name)
    if changes:
        await project.send("PATCH", f"/projects/{project.field.project}", changes)
    for place in tables["deployments"]:
        zone = ZONES[place["deploymentStart"][-6:]]
        body = {"project": project.field.project, "name": place["locationName"], "time_zone": zone}
        made = await project.send("POST", "/deployments", body, 201)
        files = [
            ("files", (row["fileName"], make_jpeg(number, taken=_read_time(row)), "image/jpeg"))
            for number, row in enumerate(tables["media"])
            if row["deploymentID"] == place["deploymentID"]
        ]
        for start in range(0, len(files), 100):
            answer = await project.field.client.post(
                "/api/v2/images",
                data={"project": str(project.field.project), "deployment": made["id"]},
                files=files[start : start + 100],
                headers={"Authorization": f"Token {project.field.owner}"},
            )
            assert {one["outcome"] for one in answer.json()["files"]} == {"imported"}, answer.text
    return project


def _read_time(row: Cells) -> datetime:
    return datetime.fromisoformat(row["timestamp"])


def list_observations(rows: list[Any]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Return the period and the count of observations by their IDs and what they state."""
    return {
        tuple("" if row[key] is None else str(row[key]) for key in (*IDS, *STATED)): (
            row["eventStart"],
            row["eventEnd"],
            row["count"],
        )
        for row in rows
    }


def make_folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def read_typed(tables: Tables, name: str) -> list[Any]:
    """Read a table of the example as Frictionless types it."""
    descriptor = json.loads((SCHEMAS / f"{name}-table-schema.json").read_bytes())
    descriptor.pop("foreignKeys", None)
    schema = frictionless.Schema.from_descriptor(descriptor)
    resource: Any = frictionless.Resource(tables[name], schema=schema)
    return list(resource.read_rows())


def with_least_counts(expected: dict[tuple[str, ...], tuple[Any, ...]]) -> dict[Any, Any]:
    """An event without a count has at least one individual."""
    return {
        key: (start, end, count or (1 if key[2] == "" and "blank" not in key else None))
        for key, (start, end, count) in expected.items()
    }


@pytest.mark.parametrize("prepare", [thin_out, pytest.param(dict, marks=pytest.mark.long)])
async def test_example_is_equal_after_a_round_trip(
    prepare: Callable[[Tables], Tables], system: AppContext, tmp_path: Path
) -> None:
    tables = prepare(read_example())
    project = await upload_images(system, tables, "example")
    made = await project.import_file("camtrap-dp", pack(tables))
    assert (made["state"], made["deployments"], made["unknown"]) == ("completed", 4, 0), made
    # Of a machine, or without a statement: the report names each row by its event.
    left_out = {"99880973": "unclassified", "4dcacd8f": "by a machine", "7245a2aa": "by a machine"}
    faults = (await project.send("GET", f"/imports/{made['id']}/faults"))["results"]
    assert len(faults) == len(left_out) + len(made["lost_values"])
    assert {one.partition(" ")[0] for one in made["lost_values"]} == {
        "captureMethod", "cameraSetupType", "observationTags"
    }  # fmt: skip
    for event, reason in left_out.items():
        [fault] = [one for one in faults if event in one["place"]]
        assert reason in fault["message"]
    again = await project.import_file("camtrap-dp", pack(tables))
    assert (again["stored"], again["identifications"], again["deployments"]) == (0, 0, 0), again

    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    assert validate_package(package) == []
    expected = with_least_counts(
        {
            key: value
            for key, value in list_observations(read_typed(tables, "observations")).items()
            if key[2] or key[3] not in left_out
        }
    )
    observed = list_observations(read_resource(package, "observations"))
    assert {key: observed.get(key) for key in expected} == expected
    # People reviewed all images of these events, for which the example has no event of a person.
    more = {(key[3], key[4]) for key in observed.keys() - expected.keys()}
    blank = {(event, "blank") for event in ("8f779513", "a80896b5", "fcc98f5f")}
    assert more == blank | {("99880973", "human")}
    for name in ("deployments", "media"):
        columns = (
            list(tables[name][0])
            if name == "deployments"
            else ["mediaID", "deploymentID", "timestamp", "fileName"]
        )
        before, after = (
            sorted([{column: row[column] for column in columns} for row in rows], key=str)
            for rows in (read_typed(tables, name), read_resource(package, name))
        )
        assert after == before
    descriptor = json.loads((EXAMPLE / "datapackage.json").read_bytes())
    taxa = package.to_dict()["taxonomic"]
    assert sorted(taxa, key=str) == sorted(descriptor["taxonomic"], key=str)


@pytest.mark.parametrize("has_media", [True, False])
async def test_package_with_events_only_becomes_identifications_of_sequences(
    has_media: bool, system: AppContext, tmp_path: Path
) -> None:
    """Without a table of media, the images of an event are those of its period."""
    tables = select_media(thin_out(read_example()), lambda row: row["deploymentID"] == ALONE)
    events = only_events(tables)
    sent = pack(events if has_media else events | {"media": []})
    project = await upload_images(system, tables, "events")
    made = await project.import_file("camtrap-dp", sent)
    counted = (made["faults"] - len(made["lost_values"]), made["identifications"])
    assert (made["state"], counted) == ("completed", (2, 9)), made
    page = await project.send("GET", f"/identifications?project={project.field.project}&limit=100")
    assert len({one["sequence_id"] for one in page["results"]}) == 3
    assert None not in {one["sequence_id"] for one in page["results"]}
    again = await project.import_file("camtrap-dp", sent)
    assert (again["state"], again["identifications"]) == ("completed", 0), again
    _, content = await project.export("camtrap-dp")
    copy = await upload_images(system, tables, "copy")
    made = await copy.import_file("camtrap-dp", content)
    assert (made["state"], made["faults"]) == ("completed", len(made["lost_values"])), made
    _, content_again = await copy.export("camtrap-dp")
    expected = with_least_counts(
        {
            key: value
            for key, value in list_observations(read_typed(events, "observations")).items()
            if key[3] not in ("4dcacd8f", "7245a2aa")
        }
    )
    for name, data in (("first", content), ("second", content_again)):
        package = open_package(data, make_folder(tmp_path, name))
        assert validate_package(package) == []
        rows = read_resource(package, "observations")
        found = list_observations([row for row in rows if row["observationLevel"] == "event"])
        assert found == expected, name


async def test_event_keeps_findings_of_machines_next_to_observations_of_people(
    system: AppContext, tmp_path: Path
) -> None:
    """Otherwise an event that sums up single images would rename all other boxes."""
    example = thin_out(read_example())
    event = [row for row in example["observations"] if row["eventID"] == "4dcacd8f"]
    media = {row["mediaID"] for row in event}
    tables = select_media(example, lambda row: row["mediaID"] in media)
    first = next(row["mediaID"] for row in event if row["mediaID"])
    for row in event:
        if row["mediaID"] in ("", first):
            row |= {"classificationMethod": "human", "scientificName": "Ardea cinerea"}
    project = await upload_images(system, tables, "mixed")
    made = await project.import_file("camtrap-dp", pack(tables | {"observations": event}))
    counted = (made["faults"] - len(made["lost_values"]), made["identifications"])
    assert (made["state"], counted) == ("completed", (0, 2)), made
    _, content = await project.export("camtrap-dp")
    rows = read_resource(open_package(content, tmp_path), "observations")
    columns = ("observationID", "scientificName", "classificationMethod")
    found = {tuple(row[name] for name in columns) for row in rows if row["mediaID"]}
    assert found == {tuple(row[name] for name in columns) for row in event if row["mediaID"]}
    assert sorted(row["classificationMethod"] for row in rows) == ["human", "machine", "machine"]


async def test_event_in_several_sequences_is_reported(system: AppContext) -> None:
    tables = select_media(thin_out(read_example()), lambda row: row["deploymentID"] == ALONE)
    project = await upload_images(system, tables, "divided", sequence_gap_s=0)
    made = await project.import_file("camtrap-dp", pack(only_events(tables)))
    assert (made["state"], made["identifications"]) == ("completed", 0), made
    faults = (await project.send("GET", f"/imports/{made['id']}/faults"))["results"]
    events = {row["eventID"] for row in only_events(tables)["observations"]}
    assert [event for event in events if not any(event in one["place"] for one in faults)] == []
    assert "sequences of the project: increase the time gap" in str(faults)


async def test_deployments_are_not_created_without_images(system: AppContext) -> None:
    tables = thin_out(read_example())
    project = await make_exchange_project(system)
    made = await project.import_file("camtrap-dp", pack(tables))
    assert (made["state"], made["stored"], made["identifications"], made["deployments"]) == (
        "completed", 0, 0, 0,
    )  # fmt: skip
    listed = await project.send("GET", f"/deployments?project={project.field.project}")
    names = {one["name"] for one in listed["results"]}
    for place in tables["deployments"]:
        assert place["locationName"] not in names
        [named] = [one for one in made["listed_faults"] if place["locationName"] in one]
        assert "none is created without images" in named
