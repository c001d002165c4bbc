"""The no-op task for dramatiq over Redis.

`dramatiq dramatiq_peer` works, `python dramatiq_peer.py COUNT` submits.
"""

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

broker = RedisBroker(url=f"{os.environ['PEER_REDIS']}/0")
broker.add_middleware(Results(backend=RedisBackend(url=f"{os.environ['PEER_REDIS']}/1")))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True, result_ttl=3_600_000)
def look(image_id: str) -> dict[str, object]:
    """Return a result without detections."""
    return {"source_images": [{"id": image_id}], "detections": []}


if __name__ == "__main__":
    started = time.monotonic()
    for number in range(int(sys.argv[1])):
        look.send(str(number))
    print(time.monotonic() - started)
