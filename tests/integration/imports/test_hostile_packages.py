"""Damaged and hostile Camtrap DP packages: a clear reason, and a line for each value left out."""

import csv
import io
import zipfile
from typing import Any

import pytest
from tests.integration.exports.test_exchange_round_trips import (
    COMMON,
    DEPLOYMENT,
    MEDIA,
    write_package,
)
from tests.support.exchange_project import ExchangeProject, make_exchange_project

from trapline.server.platform.app_context import AppContext

FIRST, SECOND = (row["mediaID"] for row in MEDIA)
NO_PLACE = "has no place here and is left out"
PERSON = COMMON | {
    "observationID": "p", "mediaID": FIRST, "observationType": "animal", "count": "2",
    "scientificName": "Cervus elaphus", "classificationMethod": "human",
}  # fmt: skip
EVENT = {name: value for name, value in PERSON.items() if name != "mediaID"} | {
    "observationID": "e", "observationLevel": "event",
}  # fmt: skip
Tables = dict[str, list[dict[str, str]]]


async def make_project(system: AppContext) -> ExchangeProject:
    project = await make_exchange_project(system)
    deployment = await project.create_deployment(DEPLOYMENT["locationName"])
    await project.upload(deployment, *(row["fileName"] for row in MEDIA))
    return project


def build_tables(*observations: dict[str, str]) -> Tables:
    return {
        "deployments": [dict(DEPLOYMENT)], "media": [dict(one) for one in MEDIA],
        "observations": [dict(one) for one in observations or (PERSON,)],
    }  # fmt: skip


def replace_files(content: bytes, **files: bytes) -> bytes:
    """Replace tables of a package by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, files.get(name.removesuffix(".csv"), old.read(name)))
    return out.getvalue()


async def import_package(project: ExchangeProject, tables: Tables) -> dict[str, Any]:
    return await project.import_file("camtrap-dp", write_package(tables))


async def test_tables_that_are_not_utf8_are_refused_with_the_line(system: AppContext) -> None:
    project = await make_project(system)
    tables = build_tables()
    for name, column, text in (
        ("observations", "scientificName", "a\0b"),
        ("deployments", "deploymentID", "a\0b"),
        ("deployments", "locationID", "a\0b"),
    ):
        changed = build_tables()
        changed[name][0][column] = text
        made = await import_package(project, changed)
        assert made["state"] == "failed"
        assert made["error"].startswith(f"Line 2 of {name} is not UTF-8 text.")
    content = write_package(tables)
    for encoding in ("latin-1", "utf-16"):
        table = "deploymentID,locationName\n00a2c20d,Lièvre\n".encode(encoding)
        made = await project.import_file("camtrap-dp", replace_files(content, deployments=table))
        line = 2 if encoding == "latin-1" else 1
        assert (made["state"], made["stored"], made["identifications"]) == ("failed", 0, 0)
        assert made["error"].startswith(f"Line {line} of deployments is not UTF-8 text.")


async def test_a_damaged_table_is_refused(system: AppContext) -> None:
    project = await make_project(system)
    content = write_package(build_tables())
    place = content.index(b"processiepark")
    made = await project.import_file("camtrap-dp", content[:place] + b"X" + content[place + 1 :])
    assert made["state"] == "failed"
    assert made["error"].startswith("The package cannot be unpacked: Bad CRC-32")


async def test_identifications_of_the_year_1_are_imported_with_their_event(
    system: AppContext,
) -> None:
    project = await make_project(system)
    at = {"classificationTimestamp": "0001-01-01T00:00:00Z"}
    made = await import_package(project, build_tables(PERSON | at, EVENT))
    assert (made["state"], made["faults"], made["identifications"]) == ("completed", 0, 3), made


async def test_columns_and_long_texts_without_a_place_are_named(system: AppContext) -> None:
    project = await make_project(system)
    tables = build_tables(PERSON | {"behavior": "x" * 256})
    tables["deployments"][0]["elevation"] = "700"
    tables["media"][0]["mediaComments"] = "timestamp: one hour late"
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    observation = tables["observations"][0]
    writer.writerow([*observation, "count", ""])
    writer.writerow([*observation.values(), "7", "a", "b"])
    content = replace_files(write_package(tables), observations=buffer.getvalue().encode())
    made = await project.import_file("camtrap-dp", content)
    last = len(observation)
    assert (made["state"], made["identifications"]) == ("completed", 2), made
    assert set(made["listed_faults"]) == {
        f"elevation {NO_PLACE}: 1 value",
        "behavior is stored only up to 255 characters, or not at all if it is an ID: 1 value",
        *(
            f"column {last + place} of observations by people {NO_PLACE}: 1 value"
            for place in (1, 2, 3)
        ),
    }
    path = f"/identifications?project={project.field.project}"
    stated = (await project.send("GET", path))["results"]
    assert {one["comment"] for one in stated} == {None, "timestamp: one hour late"}
    assert {one["count"] for one in stated} == {None, 2}


async def test_a_table_may_have_many_columns(system: AppContext) -> None:
    project = await make_project(system)
    more = {f"column-{number}": "=1+1" for number in range(10_000)}
    made = await import_package(project, build_tables(PERSON | more))
    assert (made["state"], made["identifications"], made["faults"]) == ("completed", 1, 1001)
    rest = "values of further columns have no place here and are left out: 9,000 values"
    listed = await project.send("GET", f"/imports/{made['id']}/faults?limit=1000")
    more_listed = await project.send(
        "GET", f"/imports/{made['id']}/faults?limit=1000&cursor={listed['next']}"
    )
    messages = [one["message"] for one in (*listed["results"], *more_listed["results"])]
    assert rest in messages


@pytest.mark.parametrize("count", ["2.7", "nan", "inf", "1e308", "0", "-1", "many"])
async def test_a_wrong_count_is_a_fault_of_its_line(system: AppContext, count: str) -> None:
    project = await make_project(system)
    made = await import_package(project, build_tables(PERSON | {"count": count}))
    assert (made["state"], made["identifications"]) == ("completed", 0), made
    [fault] = made["listed_faults"]
    assert fault.startswith("line 2 of observations: count is not ")
