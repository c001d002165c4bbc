"""A loader process of a field worker: it leases, downloads and decodes images in advance.

python -m tests.support.adc_loader SERVER TOKEN JOB BATCH_SIZE AHEAD LOAD_S

It prepares AHEAD batches immediately, and one more for each line `+` on its standard input. It
writes JSON lines: `{"leased": [...]}` when it has leased tasks, `{"batch": [...]}` when their
images are decoded, `{"end": why}` when the job has no more tasks. Between lease and batch it waits
LOAD_S seconds, to simulate a slow connection. It ends when its standard input is closed.
"""

import io
import json
import queue
import sys
import threading
import time
from typing import Any

from PIL import Image

from tests.support.adc_calls import Caller, Lost, Refused, fetch_picture


def load(task: dict[str, Any]) -> dict[str, Any]:
    """Download and decode the image of a task as it is stored; its EXIF orientation is ignored."""
    try:
        with Image.open(io.BytesIO(fetch_picture(task["image_url"]))) as picture:
            return task | {"size": list(picture.convert("RGB").size)}
    except (Lost, OSError, ValueError) as error:
        return task | {"unreadable": f"failed to load image: {error}"}


def say(**message: Any) -> None:
    """Send a message to the worker."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(server: str, token: str, job: int, batch_size: int, ahead: int, load_s: float) -> None:
    """Lease and load until the job has nothing to lease."""
    caller = Caller(server, token)
    wanted: queue.Queue[bool] = queue.Queue()
    for _ in range(ahead):
        wanted.put(True)

    def listen() -> None:
        for _ in sys.stdin:
            wanted.put(True)
        wanted.put(False)

    threading.Thread(target=listen, daemon=True).start()
    while wanted.get():
        try:
            tasks = caller.post(f"/api/v2/jobs/{job}/tasks/", {"batch_size": batch_size})["tasks"]
        except (Refused, Lost) as error:
            say(end=str(error))
            return
        if not tasks:
            say(end="")
            return
        say(leased=tasks)
        time.sleep(load_s)
        say(batch=[load(task) for task in tasks])


if __name__ == "__main__":
    main(
        sys.argv[1],
        sys.argv[2],
        int(sys.argv[3]),
        int(sys.argv[4]),
        int(sys.argv[5]),
        float(sys.argv[6]),
    )
