"""Attempts at exports: one at a time, on any machine, and each cleans up after the last."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM
from tests.support.export_client import Desk, make_desk

from trapline.server.exports.actions.export_attempt import (
    ExportAttempt,
    ExportOwnershipLost,
    get_work_folder,
    lock_folder,
    require_disk_space,
)
from trapline.server.exports.actions.export_build import build_export, write_export_file
from trapline.server.exports.actions.export_gathering import gather_records, get_page_size
from trapline.server.exports.actions.exports import create_export, resume_exports
from trapline.server.exports.queries.exports import claim_export, list_file_keys
from trapline.server.operations.actions.image_deletion import purge_discarded_files
from trapline.server.platform import failpoints
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import IncomingFile, StoredObject
from trapline.server.platform.store.storage_keys import build_export_key
from trapline.server.platform.store.url_signatures import FILES
from trapline.wire.exports import ExportFormat, NewExport


@pytest.fixture
async def desk(system: AppContext) -> Desk:
    return await make_desk(system)


class ScriptedStore(LocalStore):
    """A store with a given amount of free space, and a callback after a file is stored."""

    free = 0.5
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        stored = await super().keep(incoming, key, media_type)
        if self.meanwhile is not None:
            await self.meanwhile()
        return stored

    async def find_free_fraction(self) -> float | None:
        return self.free


def _with_moody(system: AppContext) -> tuple[AppContext, ScriptedStore]:
    assert isinstance(system.store, LocalStore)
    store = ScriptedStore(system.store.root, system.secrets.derive_all(FILES), system.public_url)
    return replace(system, store=store), store


async def _take_up(system: AppContext, key: UUID) -> ExportAttempt:
    async with system.database.transaction(SYSTEM) as tx:
        row = await claim_export(SYSTEM, tx, key, still_for_s=30)
    assert row is not None
    return ExportAttempt(system, SYSTEM, row, get_work_folder(system) / str(key))


async def test_machines_do_not_claim_each_others_exports(desk: Desk, tmp_path: Path) -> None:
    asked = await desk.ask()
    key, other = UUID(asked["id"]), replace(desk.field.system, work_folder=tmp_path / "other")
    system, store = _with_moody(desk.field.system)
    with lock_folder(get_work_folder(system) / asked["id"]):
        frozen = await _take_up(system, key)
        await gather_records(frozen)
        await build_export(other, SYSTEM, key)
        assert (await desk.show(asked["id"]))["state"] == "writing", (
            "its machine gave a sign just now"
        )

        async def take_over() -> None:
            await desk.field.change("update exports set updated_at = now() - interval '31 s'")
            await build_export(other, SYSTEM, key)

        store.meanwhile = take_over
        with pytest.raises(ExportOwnershipLost):
            await write_export_file(frozen)
    made = await desk.show(asked["id"])
    assert (made["state"], len((await desk.download(asked["id"])).content)) == (
        "ready",
        made["size_bytes"],
    )
    assert (
        await store.find_size(build_export_key(desk.field.project, key, frozen.row.attempt)) is None
    )


async def test_file_stored_by_a_killed_process_is_discarded(desk: Desk, tmp_path: Path) -> None:
    system, plan = desk.field.system, tmp_path / "plan"
    (system.work_folder.parent / failpoints.MARK).touch()
    asked = [(await desk.ask())["id"] for _ in range(3)]
    keys = [build_export_key(desk.field.project, UUID(one), 1) for one in asked]
    try:
        for number, one in enumerate(asked):
            plan.write_text(f"{number} export kept|*|1|fail\n")
            failpoints.enable(str(plan), system.work_folder.parent)
            with pytest.raises(ConnectionResetError):
                await build_export(system, SYSTEM, UUID(one))
    finally:
        failpoints.enable(None, system.work_folder.parent)
    async with system.database.transaction(SYSTEM) as tx:
        assert set(await list_file_keys(SYSTEM, tx, desk.field.project)) == set(keys), (
            "as when its project goes"
        )
    await desk.field.call("POST", f"/exports/{asked[0]}/cancel")
    often = "update exports set attempt = 50, updated_at = now() - interval '31 s' where id = %s"
    await desk.field.change(often, asked[1])
    assert [(await desk.build(one))["state"] for one in asked] == ["canceled", "failed", "ready"]
    await desk.field.change("update discarded_files set due_at = now()")
    await purge_discarded_files(system, SYSTEM)
    assert [await system.store.find_size(key) for key in keys] == [None, None, None]
    await desk.download(asked[2])


async def test_remains_of_an_older_attempt_are_not_continued(desk: Desk, tmp_path: Path) -> None:
    asked = await desk.ask()
    here, there = desk.field.system, replace(desk.field.system, work_folder=tmp_path / "other")
    plan = tmp_path / "plan"
    (here.work_folder.parent / failpoints.MARK).touch()
    try:
        for number, system in enumerate((here, there)):
            await desk.field.change(
                "update images set filename = %s", f"as of attempt {number}.jpg"
            )
            await desk.field.change("update exports set updated_at = now() - interval '31 s'")
            plan.write_text(f"{number} export page|*|1|fail\n")
            failpoints.enable(str(plan), here.work_folder.parent)
            with pytest.raises(ConnectionResetError):
                await build_export(system, SYSTEM, UUID(asked["id"]))
    finally:
        failpoints.enable(None, here.work_folder.parent)
    await desk.field.change("update exports set updated_at = now() - interval '31 s'")
    assert (await desk.build(asked["id"]))["state"] == "ready"
    assert {row["filename"] for row in await desk.read(asked["id"])} == {"as of attempt 1.jpg"}


async def test_page_is_cut_at_the_memory_limit(desk: Desk, tmp_path: Path) -> None:
    asked, data, plan = await desk.ask(), desk.field.system.work_folder.parent, tmp_path / "plan"
    # Compressed values count with their uncompressed size.
    await desk.field.change(
        "update annotations set data = data || jsonb_build_object('x', repeat('x', 3000000))"
    )
    (data / failpoints.MARK).touch()
    plan.write_text("1 export page|*|1|note\n")
    try:
        failpoints.enable(str(plan), data)
        made = await desk.build(asked["id"])
    finally:
        failpoints.enable(None, data)
    assert (made["state"], made["images"], made["written"]) == ("ready", 3, 3)
    struck = await asyncio.to_thread((tmp_path / "plan.struck").read_text)
    assert struck.count("export page") == 2, "two fit into one, and not the third"


async def test_pages_are_shorter_after_a_statement_timeout(desk: Desk) -> None:
    undisturbed, asked = await desk.make(), await desk.ask()
    await desk.field.change(
        "create function give_up() returns trigger language plpgsql as $$ begin"
        " if (select count(*) from new) > 1 then"
        " raise exception using errcode = 'query_canceled'; end if;"
        " return null; end $$"
    )
    await desk.field.change(
        "create trigger slow after insert on export_images referencing new table as new"
        " for each statement execute function give_up()"
    )
    try:
        assert (await desk.build(asked["id"]))["sha256"] == undisturbed["sha256"]
    finally:
        await desk.field.change("drop function give_up cascade")
    assert [
        get_page_size(50, 50, weight) for weight in (0, 1 << 20, 1 << 24, 1 << 25, 1 << 40)
    ] == [
        100,
        100,
        50,
        25,
        1,
    ]
    assert (get_page_size(500, 500, 9), get_page_size(100, 1, 1 << 20)) == (500, 16)


async def test_export_fails_on_an_almost_full_disk(desk: Desk, tmp_path: Path) -> None:
    asked = await desk.ask()
    system, store = _with_moody(desk.field.system)
    store.free = 0.01
    with pytest.raises(ServiceUnavailable, match="of the disk is free"):
        await create_export(
            system, SYSTEM, NewExport(project=desk.field.project, format=ExportFormat.CSV)
        )
    await build_export(system, SYSTEM, UUID(asked["id"]))
    failed = await desk.show(asked["id"])
    assert (failed["state"], "Only 1.0% of the disk is free" in failed["error"]) == ("failed", True)
    with pytest.raises(OSError, match="of it is free"):
        require_disk_space(tmp_path, 1.1)


async def test_export_stopped_while_writing_leaves_no_files(desk: Desk) -> None:
    asked = await desk.ask()
    system, key = desk.field.system, UUID(asked["id"])
    folder = get_work_folder(system) / asked["id"]
    with lock_folder(folder):
        await build_export(system, SYSTEM, key)
        assert (await desk.show(asked["id"]))["state"] == "queued", "somebody else is at it"
        attempt = await _take_up(system, key)
        await gather_records(attempt)
        assert (await desk.field.call("DELETE", f"/exports/{asked['id']}")).status_code == 204
        with pytest.raises(ExportOwnershipLost):
            await write_export_file(attempt)
        assert await system.store.find_size(build_export_key(desk.field.project, key, 1)) is None
        attempt.stop.set()
        with pytest.raises(ExportOwnershipLost):
            await write_export_file(attempt)
    await build_export(system, SYSTEM, key)
    assert not folder.exists()


async def test_stalled_exports_are_resumed(desk: Desk) -> None:
    asked = await desk.ask()
    count = "select count(*) from procrastinate.procrastinate_jobs where task_name = 'build_export'"
    await resume_exports(desk.field.system, SYSTEM)
    assert await desk.field.ask(count) == [(1,)]
    await desk.field.change(
        "update exports set updated_at = now() - interval '1 h' where id = %s", asked["id"]
    )
    await resume_exports(desk.field.system, SYSTEM)
    assert await desk.field.ask(count) == [(1,)], "it waits in its queue"
    await desk.field.change("update procrastinate.procrastinate_jobs set status = 'failed'")
    await resume_exports(desk.field.system, SYSTEM)
    assert await desk.field.ask(count) == [(2,)]
