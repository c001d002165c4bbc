"""Search of annotations over many images, algorithms by their classes, and the log of a job."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.support.project_with_roles import House, build_house
from uuid_utils.compat import uuid7

from trapline.server.catalogue.queries import annotation_search
from trapline.server.findings.queries.algorithm_rows import AlgorithmRow, CategoryMapRow
from trapline.server.findings.queries.analyses import AnalysisRow, AttemptRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.queries.images import ImageClassRow, ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.queries.jobs import JobMoveRow

MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def house(system: AppContext) -> House:
    """Create three images an hour apart: a lynx on each, and a box on the last."""
    built = await build_house(system, "house")
    project = int(built.ids["project_id"])
    async with system.database.transaction(Scope.system()) as tx:
        tx.session.add(
            CategoryMapRow(sha256=b"map", labels=["Lynx lynx", "red_fox", "red fox"], content={})
        )
        await tx.session.flush()
        known = AlgorithmRow(
            project_id=project, key="namer", version=2, name="Namer", map_sha256=b"map"
        )
        tx.session.add(known)
        await tx.session.flush()
        built.ids["known"] = str(known.id)
        for hour in range(3):
            image = ImageRow(
                project_id=project,
                deployment_id=built.ids["deployment_id"],
                sha256=f"{hour}".encode(),
                size_bytes=1,
                media_type="image/jpeg",
                filename=f"{hour}.jpg",
                width=10,
                height=10,
                storage_key=f"originals/{project}/{hour}",
                captured_at=MOMENT + timedelta(hours=hour),
                captured_at_source="exif",
                time_zone="UTC",
            )
            tx.session.add(image)
            await tx.session.flush()
            built.ids[f"image_{hour}"] = str(image.id)
            sure = 0.5 + hour / 5
            tx.session.add(
                ImageClassRow(
                    project_id=project,
                    image_id=image.id,
                    class_name="lynx",
                    captured_at=image.captured_at,
                    confidence=sure,
                )
            )
            for model, state in (("namer-pipeline", "completed"), ("other", "failed")):
                analysis = AnalysisRow(
                    project_id=project,
                    image_id=image.id,
                    model_name=model,
                    model_version="3",
                    state=state,
                )
                tx.session.add(analysis)
                await tx.session.flush()
                for kind in ("classification", "bounding_box")[: 1 + (hour == 2)]:
                    tx.session.add(
                        AnnotationRow(
                            project_id=project,
                            analysis_id=analysis.id,
                            image_id=image.id,
                            annotation_type=kind,
                            class_name="lynx" if kind == "classification" else None,
                            confidence=sure,
                            stored_data={},
                            algorithm_id=known.id,
                            fingerprint=uuid7(),
                        )
                    )
    return built


async def ask(client: httpx2.AsyncClient, house: House, path: str, **query: Any) -> list[Any]:
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}
    answer = await client.get(f"/api/v2{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["count"] == len(page["results"]) or page["next"]
    results: list[Any] = page["results"]
    return results


async def test_annotations_are_found_over_many_images(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    async def find(**query: Any) -> list[tuple[int, str]]:
        found = await ask(
            app_client, house, "/annotations", project=house.ids["project_id"], **query
        )
        hours = {house.ids[f"image_{hour}"]: hour for hour in range(3)}
        return [(hours[one["image_id"]], one["annotation_type"][:3]) for one in found]

    everything = [(2, "bou"), (2, "cla"), (1, "cla"), (0, "cla")]
    assert await find() == everything, "the newest first, and nothing of analyses that failed"
    assert await find(order="captured_at") == everything[::-1]
    assert await find(type="bounding_box") == [(2, "bou")]
    assert await find(**{"class": "lynx"}) == [(2, "cla"), (1, "cla"), (0, "cla")]
    assert await find(**{"class": "fox"}) == []
    assert await find(confidence_min=0.7, type="classification") == [(2, "cla"), (1, "cla")]
    assert await find(confidence_max=0.7, type="classification") == [(1, "cla"), (0, "cla")]
    assert await find(captured_after=(MOMENT + timedelta(hours=1)).isoformat()) == everything[:3]
    assert await find(captured_before=(MOMENT + timedelta(hours=1)).isoformat()) == everything[3:]
    assert await find(model="namer-pipeline", model_version="3") == everything
    assert (
        await find(model_version="4")
        == await find(model="other")
        == await find(algorithm="model")
        == []
    )
    assert await find(algorithm="namer", deployment=house.ids["deployment_id"]) == everything
    assert await find(deployment=str(uuid7())) == []
    one = (await ask(app_client, house, "/annotations", limit=1))[0]
    assert (one["algorithm"], one["model_name"], one["captured_at"]) == (
        "namer",
        "namer-pipeline",
        "2026-05-01T14:00:00Z",
    )
    of_image = await ask(app_client, house, f"/images/{house.ids['image_2']}/annotations")
    assert len(of_image) == 2
    assert {found["image_id"] for found in of_image} == {house.ids["image_2"]}


async def test_a_count_looks_at_so_many_annotations_and_no_more(
    app_client: httpx2.AsyncClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}

    async def count(**query: Any) -> tuple[int, bool]:
        page = (await app_client.get("/api/v2/annotations", params=query, headers=headers)).json()
        assert page["count"] >= len(page["results"])
        return page["count"], page["count_is_estimate"]

    rare = (
        {"type": "bounding_box"},
        {"confidence_min": 0.8},
        {"class": "fox"},
        {"model": "x"},
        {"algorithm": "namer"},
    )
    monkeypatch.setattr(annotation_search, "LOOKED_THROUGH", 4)
    assert [await count(**one) for one in rare] == [
        (1, False),
        (2, False),
        (0, False),
        (0, False),
        (4, False),
    ]
    assert await count() == (4, False)
    monkeypatch.setattr(annotation_search, "LOOKED_THROUGH", 3)
    assert [(await count(**one))[1] for one in rare] == [True, True, False, True, True]
    assert await count(deployment=str(uuid7()), type="bounding_box") == (0, False), (
        "an index finds these"
    )
    assert await count(type="mask") == (0, False), "and those of every type but two"
    monkeypatch.setattr(annotation_search, "EXACT_UP_TO", 3)
    assert await count(limit=1) == (3, True)


async def test_pages_of_annotations_follow_each_other(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"limit": 1, "order": "captured_at"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = (await app_client.get("/api/v2/annotations", params=query, headers=headers)).json()
        seen += [one["id"] for one in page["results"]]
        if (cursor := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == 4


async def test_annotations_of_deleted_images_are_gone(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute(
            "update images set deleted_at = now(), deleted_by = 'x' where id = %s",
            (house.ids["image_2"],),
        )
    assert len(await ask(app_client, house, "/annotations")) == 2
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}
    gone = await app_client.get(
        f"/api/v2/images/{house.ids['image_2']}/annotations", headers=headers
    )
    assert gone.status_code == 404


async def test_algorithms_are_found_by_name_and_by_class(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    async def find(search: str) -> list[str]:
        return [one["key"] for one in await ask(app_client, house, "/algorithms", search=search)]

    assert await find("") == ["model", "namer"]
    assert await find("NAME") == ["namer"]
    assert await find("lynx L") == ["namer"]
    assert await find("d_f") == ["namer"], "signs of a pattern stand for themselves"
    assert await find("dxf") == await find("%x") == []
    path = f"/algorithms/{house.ids['known']}"
    assert [
        one["index"] for one in await ask(app_client, house, f"{path}/classes", search="FOX")
    ] == [1, 2]
    assert [
        one["label"] for one in await ask(app_client, house, f"{path}/classes", search="red_")
    ] == ["red_fox"]
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}
    shown = (await app_client.get(f"/api/v2{path}", headers=headers)).json()
    assert (shown["classes"], shown["pipelines"]) == (3, [])


async def test_log_of_a_job_has_its_moves_and_what_went_wrong(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    project, job = int(house.ids["project_id"]), int(house.ids["job_id"])
    async with system.database.transaction(Scope.system()) as tx:
        moves = (("new", "queued", 0), ("queued", "processing", 1))
        for number, (before, after, minute) in enumerate(moves, 1):
            tx.session.add(
                JobMoveRow(
                    job_id=job,
                    number=number,
                    project_id=project,
                    from_state=before,
                    to_state=after,
                    at=MOMENT + timedelta(minutes=minute),
                    actor="worker",
                )
            )
        cursor = await tx.execute("select id from analyses where job_id = %s", (job,))
        [(analysis,)] = await cursor.fetchall()
        tx.session.add(
            AttemptRow(
                analysis_id=analysis,
                project_id=project,
                attempt=1,
                outcome="error",
                error="out of memory",
                ended_at=MOMENT + timedelta(minutes=2),
            )
        )
    log = await ask(app_client, house, f"/jobs/{job}/log")
    assert [one["what"] for one in log] == [
        "attempt 1: error",
        "queued to processing",
        "new to queued",
    ]
    assert (log[0]["error"], log[0]["analysis_id"]) == ("out of memory", str(analysis))
    assert log[0]["image_id"] == house.ids["image_id"]
    async with system.database.transaction(Scope.system()) as tx:
        # At one moment, and with the moves: pages of any size leave nothing out and repeat nothing.
        await tx.execute("update job_moves set at = %s where job_id = %s", (MOMENT, job))
        await tx.execute(
            "insert into attempts (analysis_id, project_id, attempt, outcome, error, ended_at) "
            "select %s, %s, n, 'lost', 'x', %s::timestamptz + n / 4 * interval '1 s' from "
            "generate_series(2, 12) n",
            (analysis, project, MOMENT),
        )
    headers = {"Authorization": f"Bearer {house.tokens['viewer']}"}
    whole = await ask(app_client, house, f"/jobs/{job}/log")
    assert len(whole) == 14
    assert [one["at"] for one in whole] == sorted((one["at"] for one in whole), reverse=True)
    for limit in (1, 3, 13):
        seen: list[Any] = []
        query: dict[str, Any] = {"limit": limit}
        while query:
            page = (
                await app_client.get(f"/api/v2/jobs/{job}/log", params=query, headers=headers)
            ).json()
            assert page["count"] == 14
            seen += page["results"]
            query = {"limit": limit, "cursor": page["next"]} if page["next"] else {}
        assert seen == whole
