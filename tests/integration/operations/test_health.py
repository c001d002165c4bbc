"""The state of each required part in `/readyz`."""

from typing import Any

import httpx2

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.migrations import newest


async def test_nothing_is_ready_over_an_older_schema(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    fine = dict.fromkeys(("database", "migrations", "store", "room", "files"), "ok")
    ready = await app_client.get("/readyz")
    assert (ready.status_code, _without_decoders(ready)) == (
        200,
        {"status": "ready", "parts": fine},
    )
    for revision, code, status, words in (
        (
            "0100",
            503,
            "not ready",
            f"is at revision 0100, this program needs {newest()}. Run `trapline migrate`.",
        ),
        # Another process migrated the database; this process may continue until it is upgraded,
        # too.
        (
            "9999",
            200,
            "ready",
            f"(revision 9999) is newer than this program ({newest()}). Upgrade Trapline.",
        ),
    ):
        async with system.database.transaction(Scope.system()) as tx:
            await tx.execute("update alembic_version set version_num = %s", (revision,))
        ready = await app_client.get("/readyz")
        assert ready.status_code == code
        assert _without_decoders(ready) == {
            "status": status,
            "parts": fine | {"migrations": f"The database {words}"},
        }


async def test_ready_reports_what_decoders_have_given_up(app_client: httpx2.AsyncClient) -> None:
    """It starts a decoder to find out, and does not wait for it."""
    state = "No decoder has started yet."
    while state == "No decoder has started yet.":
        state = (await app_client.get("/readyz")).json()["parts"]["decoders"]
    assert state.startswith("Limited: user "), state


def _without_decoders(ready: httpx2.Response) -> dict[str, Any]:
    body: dict[str, Any] = ready.json()
    assert body["parts"].pop("decoders")
    return {name: body[name] for name in ("status", "parts")}
