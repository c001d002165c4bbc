"""Asks a server again and again whether it is alive: `python light_prober.py PORT PID FILE`.

Each line of FILE is [when, status, seconds, seconds that neither the prober nor the server's main
thread could run]. The last figure is the kernel's own: on a busy machine an answer is also late
because others had the processor, which says nothing of an event loop that was blocked.
"""

import http.client
import json
import sys
import time
from pathlib import Path

EVERY_S = 0.02


def read_waited_s(pid: int | str) -> float:
    """How long the main thread of a process was ready to run and did not, since it began."""
    return (
        int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
    )


def main(port: int, pid: int, file: Path) -> None:
    """Ask for ever."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    own = Path("/proc/self").resolve().name
    with file.open("a", encoding="utf-8", buffering=1) as told:
        while True:
            waited = read_waited_s(pid) + read_waited_s(own)
            began = time.monotonic()
            try:
                connection.request("GET", "/healthz")
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            took_s = time.monotonic() - began
            waited_s = read_waited_s(pid) + read_waited_s(own) - waited
            told.write(json.dumps([began, status, took_s, waited_s]) + "\n")
            time.sleep(EVERY_S)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
