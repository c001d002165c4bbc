"""A field worker as a process, to be killed: `python field_worker.py SERVER TOKEN SECONDS_A_TASK`.

It ends when it meets an error, as those in the field do; whoever runs it starts it again.
"""

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "conformance" / "adc_client.py"
_spec = importlib.util.spec_from_file_location("adc_client", FILE)
assert _spec is not None
assert _spec.loader is not None
adc_client = importlib.util.module_from_spec(_spec)
sys.modules["adc_client"] = adc_client
_spec.loader.exec_module(adc_client)


def main(server: str, token: str, seconds: float) -> None:
    """Work for ever."""

    def work(task: dict[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        found: dict[str, Any] = adc_client.find_on(task)
        return found

    worker = adc_client.FieldWorker(server, token, work=work, batch_size=6, loaders=1, prefetch=12)
    worker.register()
    worker.work_until_idle(idle_s=3600)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
