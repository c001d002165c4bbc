"""The locations of sensitive taxa in exports, by the role of their requester."""

import csv
import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from tests.integration.images.test_sensitive_files import find_url, overwrite
from tests.support.api_project import SYSTEM
from tests.support.external_pipeline import analyse, box
from tests.support.sensitive_project import (
    FILE,
    LATITUDE,
    NAME,
    SECRETS,
    UNCERTAINTY,
    Reserve,
    make_reserve,
    read_position,
)

from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext
from trapline.wire.exports import ExportFormat

EVERY_FORMAT = [form.value for form in ExportFormat]
WITH_IMAGES = ("coco", "coco-camera-traps")


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


async def export(reserve: Reserve, role: str, form: str, **more: Any) -> dict[str, Any]:
    """Create and build an export as this role."""
    body = {"project": reserve.field.project, "format": form} | more
    made = await reserve.call(role, "POST", "/exports", body, 202)
    await build_export(reserve.field.system, SYSTEM, UUID(made["id"]))
    shown = dict(await reserve.get(role, f"/exports/{made['id']}"))
    assert shown["state"] == "ready", shown
    return shown


async def download(reserve: Reserve, role: str, made: dict[str, Any], status: int = 200) -> bytes:
    path = f"/exports/{made['id']}/download"
    answer = await reserve.field.call("GET", path, token=reserve.tokens[role])
    assert answer.status_code == status, answer.text
    return answer.content


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the files of a zip, or the one file."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return {"": content}
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def reveals(content: bytes) -> list[str]:
    files = unpack(content)
    return [
        secret
        for secret in SECRETS
        for name, data in files.items()
        if secret in name or secret.encode() in data
    ]


def list_rows(content: bytes, name: str, **form: Any) -> list[dict[str, str]]:
    text = unpack(content)[name].decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), **form))


@pytest.mark.parametrize("form", EVERY_FORMAT)
async def test_no_format_reveals_the_place_to_a_manager(reserve: Reserve, form: str) -> None:
    levels = {"viewer": "0.1", "reviewer": "0.1", "manager": "0.1"}
    await reserve.restrict(**levels)
    options = {"with_images": True} if form in WITH_IMAGES else {}
    selection = {"deployment": reserve.hidden}
    made = await export(reserve, "manager", form, options=options, selection=selection)
    content = await download(reserve, "manager", made)
    assert reveals(content) == []
    for name, data in unpack(content).items():
        if name.endswith(".jpg"):
            assert read_position(data) == {}


@pytest.mark.parametrize("form", ["csv", "camtrap-dp", "darwin-core", "megadetector"])
async def test_an_owner_exports_the_exact_place(reserve: Reserve, form: str) -> None:
    await reserve.restrict(manager="0.1")
    made = await export(reserve, "owner", form, audience="owner")
    assert reveals(await download(reserve, "owner", made)) != []


async def test_darwin_core_is_for_visitors_unless_an_audience_is_given(reserve: Reserve) -> None:
    await reserve.restrict(visitor="withheld", viewer="0.1", reviewer="0.1")
    made = await export(reserve, "owner", "darwin-core")
    assert made["audience"] == "visitor"
    assert reveals(await download(reserve, "owner", made)) == []


async def test_an_export_of_an_owner_is_not_downloaded_by_others(reserve: Reserve) -> None:
    await reserve.restrict(manager="0.1")
    made = await export(reserve, "owner", "camtrap-dp")
    await download(reserve, "manager", made, 403)
    for role in ("viewer", "manager"):
        shown = json.dumps(await reserve.get(role, f"/exports/{made['id']}"), ensure_ascii=False)
        assert [secret for secret in SECRETS if secret in shown] == []
    await download(reserve, "owner", made)
    own = await export(reserve, "manager", "camtrap-dp")
    await download(reserve, "manager", own)


async def test_a_list_hides_the_issues_of_exports_that_show_more(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    exact = await export(reserve, "owner", "coco")
    own = await export(reserve, "manager", "coco")
    gate = await export(reserve, "owner", "coco", selection={"deployment": reserve.open})
    path = f"/exports?project={reserve.field.project}"
    for role, hidden in (("manager", {exact["id"]}), ("owner", set())):
        listed = (await reserve.get(role, path))["results"]
        issues = {one["id"]: [issue["what"] for issue in one["left_out"]] for one in listed}
        assert set(issues) == {exact["id"], own["id"], gate["id"]}
        assert all(issues.values())
        withheld = {key for key, found in issues.items() if "Withheld from" in found[0]}
        assert withheld == hidden, role


async def test_an_export_without_the_place_is_downloaded_by_all(reserve: Reserve) -> None:
    await reserve.restrict(manager="0.1")
    made = await export(reserve, "owner", "csv", selection={"deployment": reserve.open})
    await download(reserve, "manager", made)


async def test_an_earlier_export_is_refused_when_a_taxon_becomes_sensitive(
    reserve: Reserve,
) -> None:
    made = await export(reserve, "manager", "csv")
    await download(reserve, "manager", made)
    await reserve.restrict(manager="0.01", viewer="0.1", reviewer="0.1")
    await download(reserve, "manager", made, 403)
    generalised = await export(reserve, "manager", "csv")
    await download(reserve, "manager", generalised)
    await reserve.restrict(manager="0.1")
    await download(reserve, "manager", generalised, 403)


async def test_camtrap_dp_states_the_rounding(reserve: Reserve) -> None:
    await reserve.restrict(manager="0.1")
    content = await download(reserve, "manager", await export(reserve, "manager", "camtrap-dp"))
    rows = {row["deploymentID"]: row for row in list_rows(content, "deployments.csv")}
    hidden, gate = rows[reserve.hidden], rows[reserve.open]
    assert (hidden["latitude"], hidden["longitude"]) == ("-19", "29.2")
    assert float(hidden["coordinateUncertainty"]) == UNCERTAINTY + 7900
    assert (gate["latitude"], gate["coordinateUncertainty"]) == ("-20.25", "12")
    assert json.loads(unpack(content)["datapackage.json"])["coordinatePrecision"] == 0.1


async def test_camtrap_dp_leaves_out_deployments_without_a_location(reserve: Reserve) -> None:
    await reserve.restrict(viewer="withheld", reviewer="withheld", manager="withheld")
    made = await export(reserve, "manager", "camtrap-dp")
    content = await download(reserve, "manager", made)
    assert [row["deploymentID"] for row in list_rows(content, "deployments.csv")] == [reserve.open]
    assert reserve.images[reserve.hidden] not in unpack(content)["media.csv"].decode()
    [told] = [one for one in made["left_out"] if one["deployment_id"] == reserve.hidden]
    assert "withheld" in told["what"]
    assert told["count"] == 1


@pytest.mark.parametrize(
    ("level", "latitude", "uncertainty", "generalised", "withheld"),
    [
        ("0.1", "-19.0", "7912", "rounded to 0.1 degrees", "Name"),
        ("0.01", "-19.02", "802", "rounded to 0.01 degrees", "Name"),
        ("withheld", "", "", "", "Coordinates"),
    ],
)
async def test_darwin_core_states_what_was_done(
    reserve: Reserve,
    level: str,
    latitude: str,
    uncertainty: str,
    generalised: str,
    withheld: str,
) -> None:
    await reserve.restrict(visitor="withheld", viewer=level, reviewer=level, manager=level)
    made = await export(reserve, "manager", "darwin-core", audience="owner")
    content = await download(reserve, "manager", made)
    rows = list_rows(content, "occurrence.txt", delimiter="\t", quoting=csv.QUOTE_NONE)
    [row] = [one for one in rows if one["locationID"] == reserve.hidden]
    assert row["scientificName"] == "Diceros bicornis"
    assert (row["decimalLatitude"], row["coordinateUncertaintyInMeters"]) == (
        latitude,
        uncertainty,
    )
    assert generalised in row["dataGeneralizations"]
    assert bool(row["dataGeneralizations"]) == bool(generalised)
    assert row["informationWithheld"].startswith(withheld)
    assert row["locality"] != NAME


async def test_an_owner_exports_for_another_audience(reserve: Reserve) -> None:
    await reserve.restrict(visitor="withheld", viewer="0.1", manager="exact")
    made = await export(reserve, "owner", "csv", audience="viewer")
    assert made["audience"] == "viewer"
    content = await download(reserve, "owner", made)
    assert reveals(content) == []
    rows = list_rows(content, "")
    [row] = [one for one in rows if one["deployment_id"] == reserve.hidden]
    assert (row["latitude"], row["longitude"]) == ("-19.0", "29.2")
    exact = await export(reserve, "manager", "csv", audience="manager")
    assert str(LATITUDE) in (await download(reserve, "manager", exact)).decode()
    assert FILE in (await download(reserve, "manager", exact)).decode()


async def test_a_requester_who_left_gets_what_visitors_see(reserve: Reserve) -> None:
    await reserve.restrict(visitor="withheld", viewer="0.1", reviewer="0.1", manager="exact")
    body = {"project": reserve.field.project, "format": "csv"}
    made = await reserve.call("manager", "POST", "/exports", body, 202)
    members = await reserve.get("owner", f"/projects/{reserve.field.project}/members")
    listed = members["results"] if isinstance(members, dict) else members
    [manager] = [one["user_id"] for one in listed if one["role"] == "manager"]
    path = f"/projects/{reserve.field.project}/members/{manager}"
    await reserve.call("owner", "DELETE", path, status=204)
    await build_export(reserve.field.system, SYSTEM, UUID(made["id"]))
    assert reveals(await download(reserve, "owner", made)) == []


@pytest.mark.parametrize("form", ["coco", "coco-camera-traps", "yolo", "crops"])
async def test_an_unreadable_file_is_left_out_of_an_export(reserve: Reserve, form: str) -> None:
    levels = {"viewer": "0.1", "reviewer": "0.1", "manager": "0.1"}
    await reserve.restrict(**levels)
    for image in reserve.images.values():
        boxes = [box(number, class_name="animal") for number in (0, 1)]
        await analyse(reserve.field, UUID(image), *boxes)
    url = await find_url(reserve, "owner")
    await overwrite(reserve, urlsplit(url).path.partition("/files/")[2], b"no image")
    options = {"with_images": True} if form in WITH_IMAGES else {}
    made = await export(reserve, "manager", form, options=options)
    [issue] = [one for one in made["left_out"] if "could not be read" in one["what"]]
    assert issue["count"] == 1
    names = unpack(await download(reserve, "manager", made))
    assert not any(reserve.images[reserve.hidden] in name for name in names if ".jpg" in name)
    assert any(name.endswith(".jpg") for name in names)
