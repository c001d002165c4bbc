"""A field worker process to be killed: `python external_worker.py SERVER TOKEN SECONDS_A_TASK`.

Its loaders end with it. It continues after errors. A result that it could not post is lost, as with
workers in the field.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.adc_client import FieldWorker, Lost, Refused, find_on


def main(server: str, token: str, seconds: float) -> None:
    """Work for ever."""

    def work(task: dict[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        return find_on(task)

    worker = FieldWorker(server, token, work=work, batch_size=6, loaders=1, prefetch=12)
    while True:
        try:
            worker.register()
            break
        except (Refused, Lost):
            time.sleep(0.2)
    worker.work_until_idle(idle_s=10**9)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
