"""Exports that a process of the previous version stores or reads during an upgrade."""

from typing import Any

import psycopg
import pytest
from tests.support.export_client import make_desk

from trapline.server.platform.app_context import AppContext


@pytest.mark.parametrize("name", ["with_pictures", "with_images"])
async def test_an_export_of_the_previous_version_is_listed_and_built(
    system: AppContext, database_url: str, name: str
) -> None:
    """The stored option has the earlier name; each request returns it with the present name."""
    desk = await make_desk(system)
    asked: dict[str, Any] = await desk.ask(format="coco", options={"with_images": True})
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("select options from exports").fetchall()
        assert stored == [({"with_pictures": True},)], "the previous version reads this name"
        connection.execute(
            "update exports set options = jsonb_build_object(%s::text, true)", (name,)
        )
    made = await desk.build(asked["id"])
    assert made["state"] == "ready"
    assert made["options"]["with_images"] is True
    assert made["filename"].endswith(".zip")
