"""The no-op task for procrastinate over PostgreSQL.

procrastinate stores no results, so the task inserts a row.
`procrastinate --app procrastinate_peer.app worker` works, `python procrastinate_peer.py COUNT`
submits.
"""

import asyncio
import os
import sys
import time

import procrastinate
from psycopg.types.json import Jsonb

connector = procrastinate.PsycopgConnector(
    conninfo=os.environ["PEER_POSTGRES"], min_size=4, max_size=16
)
app = procrastinate.App(connector=connector)


@app.task(name="look")
async def look(image_id: str) -> None:
    """Store a result without detections."""
    found = {"source_images": [{"id": image_id}], "detections": []}
    await connector.execute_query_async(
        "insert into results (image_id, result) values (%(image)s, %(found)s)",
        image=image_id,
        found=Jsonb(found),
    )


async def submit(count: int) -> float:
    """Enqueue this number of tasks; return the seconds."""
    async with app.open_async():
        if count == 0:
            await app.schema_manager.apply_schema_async()
            await connector.execute_query_async(
                "create table results (image_id text primary key, result jsonb)"
            )
        started = time.monotonic()
        for first in range(0, count, 1000):
            numbers = range(first, min(first + 1000, count))
            await look.batch_defer_async(*({"image_id": str(number)} for number in numbers))
        return time.monotonic() - started


if __name__ == "__main__":
    print(asyncio.run(submit(int(sys.argv[1]))))
