"""First results of two analyses of one image that come at the same time."""

import asyncio

import pytest
from tests.support.adc_client import find_box, find_class, make_success
from tests.support.api_project import SYSTEM, Field, make_field

from trapline.server.platform.app_context import AppContext

WAITING = (
    "select count(*) from pg_stat_activity where datname = current_database() and "
    "wait_event_type = 'Lock'"
)


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 1)


async def test_of_two_first_results_of_a_pipeline_only_the_classes_of_the_newest_remain(
    field: Field,
) -> None:
    [image] = field.images
    posts = []
    async with field.system.database.sql_transaction(SYSTEM) as tx:
        # Both results are read and wait here: neither knows of the other one.
        await tx.execute("select 1 from images where id = %s for no key update", (image,))
        for name in ("moth", "bat"):
            job = await field.run_job()
            [task] = await field.lease(job)
            box = find_box(task["image_id"], (1.0, 2.0, 11.0, 22.0), find_class(name))
            reply = {"reply_subject": task["reply_subject"], "result": make_success(task, box)}
            posts.append(asyncio.create_task(field.post(job, [reply])))
        async with asyncio.timeout(20):
            while await field.ask(WAITING) != [(2,)]:
                await asyncio.sleep(0.02)
    assert await asyncio.gather(*posts) == [["accepted"], ["accepted"]]
    rows = await field.ask("select class_name from image_classes where image_id = %s", image)
    assert rows == [("bat",)]
