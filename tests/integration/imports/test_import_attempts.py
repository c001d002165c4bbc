"""Attempts at imports: created once, resumed after an interruption, without loss of results."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.api_project import SYSTEM, Field
from tests.support.import_client import (
    box,
    image,
    list_files,
    make_named_field,
    megadetector,
    send,
    show,
)

from trapline.server.imports.actions.result_import import resume_imports, run_import
from trapline.server.platform import failpoints
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.url_signatures import FILES


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_named_field(system)


async def test_interrupted_import_continues(field: Field) -> None:
    entries = [{"file": f"IMG_{number}.JPG", "detections": [box()]} for number in range(4)]
    sent = await send(field, megadetector(*entries))
    await field.change(
        "update imports set state = 'reading', done = 3, total = 4, stored = 3 where id = %s",
        sent["id"],
    )
    await run_import(field.system, SYSTEM, sent["id"])
    await run_import(field.system, SYSTEM, sent["id"])
    taken = await show(field, sent)
    assert (taken["state"], taken["done"], taken["stored"]) == ("completed", 4, 4)
    assert (await image(field, 0))["analyses"] == []
    assert len((await image(field, 3))["analyses"]) == 1


async def test_attempts_without_progress_are_limited(field: Field) -> None:
    sent = await send(field, megadetector({"file": "IMG_0.JPG", "detections": []}))
    await field.change(
        "update imports set attempt = 10, state = 'reading', done = 3 where id = %s", sent["id"]
    )
    await run_import(field.system, SYSTEM, sent["id"])
    taken = await show(field, sent)
    assert (taken["state"], taken["stored"]) == ("failed", 0)
    words = (
        "The import was started 10 times without progress. "
        "3 entries were imported before, and are kept."
    )
    assert taken["error"] == words
    [file] = await field.ask(
        "select count(*) from discarded_files where due_at <= clock_timestamp()"
    )
    assert file == (1,)


async def test_unavailable_database_does_not_count_as_an_attempt(
    field: Field, tmp_path: Path
) -> None:
    data, plan = field.system.work_folder.parent, tmp_path / "plan"
    (data / failpoints.MARK).touch()
    # The first commit starts the attempt; the second one fails.
    plan.write_text("1 before commit|*|2|fail\n")
    sent = await send(field, megadetector({"file": "IMG_0.JPG", "detections": []}))
    await field.change("update imports set attempt = 9 where id = %s", sent["id"])

    failpoints.enable(str(plan), data)
    try:
        with pytest.raises(ServiceUnavailable):
            await run_import(field.system, SYSTEM, sent["id"])
    finally:
        failpoints.enable(None, data)
    await run_import(field.system, SYSTEM, sent["id"])
    assert (await show(field, sent))["state"] == "completed"


async def test_idempotency_key_creates_one_import(field: Field) -> None:
    file = megadetector({"file": "IMG_0.JPG", "detections": []})
    keyed = {"Idempotency-Key": "import-1"}
    first = await send(field, file, headers=keyed)
    assert (await send(field, file, headers=keyed))["id"] == first["id"]
    await send(field, file + b" ", status=409, headers=keyed)
    assert len(list_files(field)) == 1
    await send(field, b"", status=400)


async def test_file_is_kept_after_a_commit_with_unknown_outcome(
    field: Field, tmp_path: Path
) -> None:
    data, plan = field.system.work_folder.parent, tmp_path / "plan"
    (data / failpoints.MARK).touch()
    plan.write_text("1 after commit|*|1|fail\n")
    content = megadetector({"file": "IMG_0.JPG", "detections": [box()]})

    async def arming() -> AsyncIterator[bytes]:
        # When the body is read, everything before it is committed.
        failpoints.enable(str(plan), data)
        yield content

    keyed = {"Idempotency-Key": "import-1"}
    try:
        await send(field, arming(), status=503, headers=keyed)
    finally:
        failpoints.enable(None, data)
    sent = await send(field, content, headers=keyed)
    assert len(list_files(field)) == 1
    await run_import(field.system, SYSTEM, sent["id"])
    taken = await show(field, sent)
    assert (taken["state"], taken["stored"]) == ("completed", 1), taken["error"]
    assert await field.ask("select count(*) from imports") == [(1,)]
    assert list_files(field) == []


class BlockingStore(LocalStore):
    """A store with a callback before a file is read."""

    meanwhile: Callable[[], Awaitable[object]]

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        async with super().local_path(key) as path:
            await self.meanwhile()
            yield path


async def test_file_that_is_read_for_long_has_one_reader(field: Field) -> None:
    sent = await send(field, megadetector({"file": "IMG_0.JPG", "detections": []}))
    system, is_quiet = field.system, "select updated_at < now() - interval '9 minutes' from imports"
    assert isinstance(system.store, LocalStore)
    store = BlockingStore(system.store.root, system.secrets.derive_all(FILES), system.public_url)
    waiting = (
        "select count(*) from procrastinate.procrastinate_jobs where task_name = 'take_import'"
    )

    async def read_for_long() -> None:
        await field.change("update imports set updated_at = now() - interval '1 h'")
        async with asyncio.timeout(5):
            while await field.ask(is_quiet) == [(True,)]:
                await asyncio.sleep(0.01)
        await resume_imports(system, SYSTEM)
        assert await field.ask(waiting) == [(1,)]

    store.meanwhile = read_for_long
    await run_import(replace(system, store=store), SYSTEM, sent["id"], beat_s=0.01)
    assert (await show(field, sent))["state"] == "completed"
