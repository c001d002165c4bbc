"""Result files of other programs, uploaded and imported as by the background process."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.api_project import SYSTEM, Field, make_field
from trapline.server.imports.actions.result_import import run_import
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.local_store import LocalStore


async def make_named_field(system: AppContext) -> Field:
    """Make a field of four images that are called IMG_0.JPG to IMG_3.JPG."""
    made = await make_field(system, 4)
    for number, image in enumerate(made.images):
        await made.change(
            "update images set filename = %s where id = %s", f"IMG_{number}.JPG", image
        )
    return made


def megadetector(*images: Any, **more: Any) -> bytes:
    """Write a file of MegaDetector's."""
    return json.dumps(
        {
            "images": images,
            "detection_categories": {"1": "animal", "2": "person"},
            "classification_categories": {"0": "fox", "1": "badger"},
            "info": {
                "detector": "models/md_v5a.0.0.pt",
                "detector_metadata": {"megadetector_version": "v5a.0.0"},
            },
        }
        | more
    ).encode()


def box(
    category: str = "1",
    conf: float = 0.9,
    bbox: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    **more: Any,
) -> Any:
    """One box of MegaDetector's."""
    return {"category": category, "conf": conf, "bbox": list(bbox), **more}


async def send(
    field: Field,
    content: bytes | AsyncIterator[bytes],
    kind: str = "megadetector",
    status: int = 202,
    **query: Any,
) -> Any:
    """Send a file, and expect this status."""
    headers = {"Authorization": f"Token {field.owner}"} | query.pop("headers", {})
    params: dict[str, Any] = {
        "project": field.project,
        "format": kind,
        "filename": "results.json",
    } | query
    answer = await field.client.post(
        "/api/v2/imports", params=params, content=content, headers=headers
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def take(
    field: Field, content: bytes, kind: str = "megadetector", **query: Any
) -> dict[str, Any]:
    """Send a file, and do what the background process does."""
    sent = await send(field, content, kind, **query)
    assert sent["state"] == "queued"
    await run_import(field.system, SYSTEM, sent["id"])
    return await show(field, sent)


async def show(field: Field, sent: dict[str, Any]) -> dict[str, Any]:
    """Show an import."""
    answer = await field.call("GET", f"/imports/{sent['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def faults(field: Field, taken: dict[str, Any]) -> list[tuple[str, str, str | None, str]]:
    """List the faults of an import: kind, place, image, and reason."""
    answer = await field.call("GET", f"/imports/{taken['id']}/faults?limit=1000")
    return [
        (one["kind"], one["place"], one["file"], one["message"]) for one in answer.json()["results"]
    ]


def list_files(field: Field) -> list[Path]:
    """The files of imports that lie in the store."""
    store = field.system.store
    assert isinstance(store, LocalStore)
    return [path for path in (store.root / "imports").rglob("*") if path.is_file()]


async def image(field: Field, number: int) -> dict[str, Any]:
    """Show an image by its number."""
    answer = await field.call("GET", f"/images/{field.images[number]}")
    return dict(answer.json())


async def wait_for_a_lock(field: Field) -> None:
    """Wait until one transaction waits for a lock of another one."""
    while (await field.ask("select count(*) from pg_locks where not granted"))[0] == (0,):
        await asyncio.sleep(0.01)
