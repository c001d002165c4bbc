"""A fault scene with the real `trapline up`, whose supervisor restarts its children."""

import time
from dataclasses import dataclass

import psycopg

from tests.support.fault_project import SECRET
from tests.support.fault_scene import DATABASE, LEASE_MAX_S, LEASE_S, REAPER_S, Scene, Strike
from tests.support.running_server import RunningServer, wait_for
from trapline.server.platform.postgres.postgres import find_free_port, find_running_url

CHILDREN = ("api", "background", DATABASE)
RUNS_AGAIN = "PostgreSQL runs again."


@dataclass
class UpScene(Scene):
    """The processes of `trapline up`, with `apis` API processes. The test starts light workers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports.append(find_free_port())
        settings = {
            "TRAPLINE_SECRET_KEY": SECRET,
            "TRAPLINE_LEASE_S": str(LEASE_S),
            "TRAPLINE_REAPER_S": str(REAPER_S),
            "TRAPLINE_LEASE_MAX_S": str(LEASE_MAX_S),
            "TRAPLINE_LOG_FORMAT": "json",
            **self.settings,
        }
        arguments = ("--no-worker", f"--processes={self.apis}")
        self.up = RunningServer(self.folder, self.ports[0], arguments, settings)

    def start(self, images: int = 0) -> "UpScene":
        """Start `trapline up` with a project with this number of images and a pipeline."""
        self.up.start()
        self.up.find("background")
        if images:
            self.make_field(images)
        return self

    @property
    def database_url(self) -> str:
        """PostgreSQL as it runs now. Raises psycopg.OperationalError where it does not."""
        url = find_running_url(self.folder)
        if url is None:
            raise psycopg.OperationalError("PostgreSQL does not run now")
        return url

    def list_victims(self) -> list[str]:
        """The names of the children and workers that run now."""
        workers = [part.name for part in self.keeper.parts if part.wanted and part.is_running]
        return workers + [part for part in CHILDREN if self.up.is_running(part)]

    def find_pid(self, name: str) -> int:
        """The process id of a child or of a worker."""
        return self.up.find(name) if name in CHILDREN else super().find_pid(name)

    def kill_again(self, name: str, killed: int) -> Strike:
        """Kill -9 the process that was started in place of a killed one."""
        wait_for(
            f"another {name} process",
            lambda: self.up.is_running(name) and self.find_pid(name) != killed,
            30,
        )
        return self.kill(name)

    def count_returns(self) -> int:
        """How often `trapline up` has reported that PostgreSQL runs again."""
        return self.up.log.read_text(encoding="utf-8").count(RUNS_AGAIN)

    def wait_for_return(self, count: int) -> float:
        """Wait until PostgreSQL has come back more often than this; answers when it was seen."""
        wait_for("the return of PostgreSQL", lambda: self.count_returns() > count, 60)
        return time.monotonic()

    def end(self) -> None:
        """End everything, once."""
        if not self._ending.is_set():
            super().end()
            self.up.end()
