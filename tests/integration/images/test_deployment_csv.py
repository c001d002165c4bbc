"""Deployments as CSV: unchanged round trip, errors by line, and no executable cells."""

import asyncio
import csv
import io
from typing import Any

import httpx2
import pytest
from tests.support.api_project import SYSTEM, Field, make_field

from trapline.server.images.formats.deployment_csv import MOST_ROWS
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 1)


async def send(field: Field, text: str | bytes) -> httpx2.Response:
    headers = {"Authorization": f"Token {field.owner}", "Content-Type": "text/csv"}
    address = f"/api/v2/deployments/csv?project={field.project}"
    return await field.client.post(
        address, content=text if isinstance(text, bytes) else text.encode(), headers=headers
    )


async def fetch(field: Field) -> str:
    answer = await field.call("GET", f"/deployments/csv?project={field.project}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return str(answer.text)


async def listed(field: Field) -> dict[str, dict[str, Any]]:
    answer = await field.call("GET", f"/deployments?project={field.project}")
    return {one["name"]: one for one in answer.json()["results"]}


async def test_a_sheet_makes_and_changes_and_comes_back_the_same(field: Field) -> None:
    taken = await send(
        field,
        "\ufeffname;latitude;longitude;time_zone;clock_offset_s;notes;started_at\r\n"
        'Old oak;52.5;13.4;Europe/Berlin;3600;"two; lines\nof it";2026-05-01T00:00:00+02:00\r\n'
        ";;;;;;\r\n"
        "camera;;;;60;by the ford;\r\n",
    )
    assert taken.json() == {"created": 1, "changed": 1, "unchanged": 0}, taken.text
    found = await listed(field)
    assert (found["Old oak"]["latitude"], found["Old oak"]["notes"]) == (52.5, "two; lines\nof it")
    assert found["Old oak"]["started_at"] == "2026-04-30T22:00:00Z"
    assert (
        found["camera"]["time_zone"],
        found["camera"]["clock_offset_s"],
        found["camera"]["capture_times_pending"],
    ) == (
        "UTC",
        60,
        True,
    )
    assert (await send(field, await fetch(field))).json() == {
        "created": 0,
        "changed": 0,
        "unchanged": 2,
    }


async def test_errors_are_reported_by_line_and_nothing_is_changed(field: Field) -> None:
    answer = await send(
        field,
        "name,latitude,time_zone\nOld "
        "oak,north,UTC\nFord,91,Mars/Olympus\nFord,1,UTC,more\nFord,1,UTC\n,1,UTC\n",
    )
    assert answer.status_code == 422
    wrong = {error["where"]: error["message"] for error in answer.json()["errors"]}
    assert sorted(wrong) == [
        "line 2, latitude",
        "line 3, latitude",
        "line 3, time_zone",
        "line 4, row",
        "line 5, name",
        "line 6, name",
    ]
    assert list(await listed(field)) == ["camera"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "first line must name the columns"),
        (b"latitude\n1\n", "first line must name the columns"),
        (b"name,colour\n", "Not known: colour"),
        (b'name,"col\x00our"\n', "Not known: col"),
        (b"name,name\n", "each once"),
        (b"name\n\xff\n", "UTF-8"),
        (b"name\n" + b"a\n" * (MOST_ROWS + 1), "more than 5,000"),
        (b"name\n" + b"a" * 200_000, "CSV"),
    ],
)
async def test_invalid_sheets_are_refused(field: Field, text: bytes, words: str) -> None:
    answer = await send(field, text)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert list(await listed(field)) == ["camera"]


async def test_a_sheet_that_is_too_long_is_not_read(field: Field) -> None:
    assert (await send(field, b"name\n" + b"a" * (8 << 20))).status_code == 413


FULL_WIDTH = "\uff1d\uff0b\uff0d\uff20"
"""Signs of East Asian keyboards, which spreadsheets there take for theirs."""


async def test_no_cell_is_a_formula_and_it_comes_back_as_it_was(field: Field) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    made = await field.call(
        "POST", "/deployments", {"project": field.project, "name": formula, "notes": "-1+1"}
    )
    assert made.status_code == 201
    for sign in FULL_WIDTH:
        await field.call("POST", "/deployments", {"project": field.project, "name": f"{sign}1+1"})
    text = await fetch(field)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", *FULL_WIDTH))]
    assert (await send(field, text)).json() == {"created": 0, "changed": 0, "unchanged": 6}


async def test_a_name_that_somebody_takes_at_the_same_time_is_a_conflict(field: Field) -> None:
    async with field.system.database.transaction(SYSTEM) as tx:
        row = DeploymentRow(project_id=field.project, name="Ford")
        tx.session.add(row)
        await tx.session.flush()
        sheet = asyncio.create_task(send(field, "name,notes\ncamera,moved\nFord,\n"))
        waiting = "select 1 from pg_locks where locktype = 'transactionid' and not granted"
        async with asyncio.timeout(10):
            while not await field.ask(waiting):
                await asyncio.sleep(0.01)
    answer = await sheet
    assert (answer.status_code, "Nothing was changed" in answer.json()["detail"]) == (409, True), (
        answer.text
    )
    assert (await listed(field))["camera"]["notes"] == ""
    assert (await send(field, "name\nFord\n")).json() == {
        "created": 0,
        "changed": 0,
        "unchanged": 1,
    }
