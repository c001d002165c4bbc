"""Artifacts: one URL per file, validation before use, and no access to other projects."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import Outside, begin
from tests.support.image_factory import make_png
from tests.support.s3_server import S3Server

from trapline.server.app.http.application import wrap_middleware
from trapline.server.external.actions.artifacts import purge_orphans
from trapline.server.platform.app_context import AppContext, CallbackSettings
from trapline.server.platform.store.s3_store import S3Store


@pytest.fixture(params=["local", "s3"])
async def field(request: pytest.FixtureRequest, system: AppContext, tmp_path: Path) -> Field:
    """A field whose files lie in a folder, and one whose files lie on an S3 server."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        system = replace(system, store=S3Store(server.bucket(), tmp_path / "s3"))
    return await make_field(system)


def _heat(path: str) -> dict[str, Any]:
    return {"annotation_type": "heatmap", "data": {"width": 20, "height": 10}, "storage_path": path}


async def _cite(outside: Outside, path: str) -> httpx2.Response:
    return await outside.call("POST", "/annotations:bulk", {"annotations": [_heat(path)]})


async def test_a_file_is_cited_only_once_it_is_there(field: Field) -> None:
    outside = await begin(field)
    signed = await outside.presign("heat.png")
    assert signed["storage_path"] == f"ml_outputs/{outside.id}/heat.png"
    early = await _cite(outside, signed["storage_path"])
    assert (early.status_code, "not uploaded" in early.json()["detail"]) == (422, True)
    assert (await outside.upload(signed, make_png())).is_success
    cited = await _cite(outside, signed["storage_path"])
    assert cited.status_code == 200, cited.text
    [one] = cited.json()["annotations"]
    assert one["artifact_id"] == signed["artifact_id"]
    listed = (await field.call("GET", f"/analyses/{outside.id}/artifacts")).json()["results"]
    assert [(row["state"], row["size"]) for row in listed] == [("cited", len(make_png()))]
    led = await field.call("GET", f"/artifacts/{one['artifact_id']}/download")
    assert led.status_code == 302
    seen = await outside.fetch(led.headers["location"])
    assert (seen.content, seen.headers["content-type"]) == (make_png(), "image/png")
    again = await outside.call(
        "POST", "/artifacts/presign", {"artifact_type": "heatmap", "filename": "heat.png"}
    )
    assert (again.status_code, "already refers" in again.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    "filename",
    ["..", ".", "a/b.png", "..%2fa", "a\\b", "", "a" * 256, "ä.png", "a b.png", "a\x00.png", "a\n"],
)
async def test_a_filename_is_one_safe_segment(field: Field, filename: str) -> None:
    outside = await begin(field)
    asked = {"artifact_type": "heatmap", "filename": filename}
    assert (await outside.call("POST", "/artifacts/presign", asked)).status_code == 422
    assert await field.ask("select count(*) from artifacts") == [(0,)]


@pytest.mark.parametrize("filename", [".hidden", "-x", "a" * 255, "CON", "..a", "_"])
async def test_odd_but_safe_names_work(field: Field, filename: str) -> None:
    outside = await begin(field)
    assert (await _cite(outside, await outside.add_file(filename))).status_code == 200


async def test_paths_of_others_are_refused(field: Field) -> None:
    outside, other = await begin(field), await begin(field)
    foreign = await other.add_file("heat.png")
    own = f"ml_outputs/{outside.id}"
    for path in (foreign, f"{own}/../{other.id}/heat.png", "originals/1/aa/aa", f"{own}/no.png"):
        answer = await _cite(outside, path)
        assert (answer.status_code, "not an artifact" in answer.json()["detail"]) == (422, True), (
            answer.text
        )
    without = await outside.call(
        "POST",
        "/annotations:bulk",
        {"annotations": [{"annotation_type": "mask", "data": {"width": 1, "height": 1}}]},
    )
    assert without.json()["errors"][0]["where"] == "annotations.0.storage_path"


async def test_uploads_must_match_their_announced_size_and_digest(field: Field) -> None:
    outside = await begin(field)
    content = make_png()
    right = hashlib.sha256(content).hexdigest()
    signed = await outside.presign("sized.png", size=len(content), sha256=right)
    assert not (await outside.upload(signed, content + b"x")).is_success
    assert (await _cite(outside, signed["storage_path"])).status_code == 422
    other = bytes([content[0] ^ 1]) + content[1:]
    await outside.upload(signed, other)
    assert (await _cite(outside, signed["storage_path"])).status_code == 422
    assert (await outside.upload(signed, content)).is_success
    assert (await _cite(outside, signed["storage_path"])).status_code == 200
    [row] = (await field.call("GET", f"/analyses/{outside.id}/artifacts")).json()["results"]
    assert row["sha256"] == right


async def test_a_file_from_before_its_sha256_was_announced_is_compared(field: Field) -> None:
    outside = await begin(field)
    content = make_png()
    assert (await outside.upload(await outside.presign("heat.png"), content)).is_success
    another = hashlib.sha256(b"another file").hexdigest()
    path = (await outside.presign("heat.png", sha256=another))["storage_path"]
    refused = await _cite(outside, path)
    assert (refused.status_code, "SHA-256" in refused.json()["detail"]) == (422, True), refused.text
    await outside.presign("heat.png", sha256=hashlib.sha256(content).hexdigest())
    assert (await _cite(outside, path)).status_code == 200


async def test_a_picture_must_be_one(field: Field) -> None:
    outside = await begin(field)
    path = await outside.add_file("evil.png", content=b"<svg onload=alert(1)>")
    answer = await _cite(outside, path)
    assert (answer.status_code, "not a PNG" in answer.json()["detail"]) == (422, True)


async def test_too_large_is_refused_before_and_after(field: Field) -> None:
    system = replace(field.system, callbacks=CallbackSettings(artifact_bytes=1000))
    transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
    small = replace(
        field,
        system=system,
        client=httpx2.AsyncClient(transport=transport, base_url="http://trapline.test"),
    )
    outside = await begin(small)
    asked = {"artifact_type": "log", "filename": "a.txt", "size": 1001}
    assert (await outside.call("POST", "/artifacts/presign", asked)).status_code == 413
    signed = await outside.presign("b.png")
    over = make_png() + b"x" * 1001
    if isinstance(system.store, S3Store):
        # An S3 server takes what no size was announced for; it goes when it is first seen.
        assert (await outside.upload(signed, over)).is_success
        answer = await _cite(outside, signed["storage_path"])
        assert (answer.status_code, "was deleted" in answer.json()["detail"]) == (422, True)
    else:
        assert (await outside.upload(signed, over)).status_code == 413
    assert await system.store.find_size(signed["storage_path"]) is None
    assert (await outside.upload(signed, make_png())).is_success
    assert (await _cite(outside, signed["storage_path"])).status_code == 200


async def test_the_files_of_the_analysis_are_cited_with_its_end(field: Field) -> None:
    outside = await begin(field)
    await outside.add_file("log.txt", "log", b"<html><script>alert(1)</script>")
    await outside.add_file("meta.json", "metadata", b"{}")
    await outside.add_file("heat.png")
    await outside.presign("never.txt", "log")
    await outside.call("POST", "/finalize", {"status": "completed"})
    listed = (await field.call("GET", f"/analyses/{outside.id}/artifacts")).json()["results"]
    assert {row["filename"]: row["state"] for row in listed} == {
        "log.txt": "cited", "meta.json": "cited", "heat.png": "uploaded", "never.txt": "presigned"
    }  # fmt: skip
    by_name = {row["filename"]: row["id"] for row in listed}
    led = await field.call("GET", f"/artifacts/{by_name['log.txt']}/download")
    log = await outside.fetch(led.headers["location"])
    assert log.headers["content-disposition"].startswith("attachment")
    if not isinstance(field.system.store, S3Store):
        assert log.headers["x-content-type-options"] == "nosniff"
    assert (
        await field.call("GET", f"/artifacts/{by_name['never.txt']}/download")
    ).status_code == 404
    assert (await field.call("GET", f"/artifacts/{uuid4()}/download")).status_code == 404


async def test_an_address_for_putting_gives_nothing(field: Field) -> None:
    outside = await begin(field)
    signed = await outside.presign("log.txt", "log")
    await outside.upload(signed, b"secret")
    answer = await outside.fetch(signed["upload_url"])
    assert answer.status_code == 403


async def test_orphans_go_after_a_week(field: Field) -> None:
    left, ended, fresh = await begin(field), await begin(field), await begin(field)
    gone = await left.add_file("gone.png")
    await left.call("POST", "/annotations:bulk", {"annotations": []})
    kept = await ended.add_file("kept.png")
    await ended.presign("never.png")
    await ended.call("POST", "/finalize", {"status": "failed"})
    new = await fresh.add_file("new.png")
    await field.change(
        "update artifacts set presigned_at = now() - interval '8 days' where analysis_id <> %s",
        fresh.id,
    )
    await field.change(
        "update analyses set updated_at = now() - interval '8 days' where id <> %s", fresh.id
    )
    assert await purge_orphans(field.system, SYSTEM) is False
    rows = await field.ask("select storage_path from artifacts order by created_at")
    assert [path for (path,) in rows] == [kept, new]
    assert await field.system.store.find_size(gone) is None
    assert await field.system.store.find_size(kept) is not None
