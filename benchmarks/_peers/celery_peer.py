"""The no-op task for Celery over Redis.

`celery -A celery_peer worker` works, `python celery_peer.py COUNT` submits.
"""

import os
import sys
import time

from celery import Celery

app = Celery(
    "peer", broker=f"{os.environ['PEER_REDIS']}/0", backend=f"{os.environ['PEER_REDIS']}/1"
)
# Acknowledged late, so that a task whose worker is killed runs again, as in Trapline's queue. The
# prefetch count equals the size of a lease.
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True
)


@app.task
def look(image_id: str) -> dict[str, object]:
    """Return a result without detections."""
    return {"source_images": [{"id": image_id}], "detections": []}


if __name__ == "__main__":
    started = time.monotonic()
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(int(sys.argv[1])):
            look.apply_async((str(number),), producer=producer)
    print(time.monotonic() - started)
