"""The worker of `trapline up`: it registers its pipelines in all present and later projects."""

import sys
import threading
import time

from structlog.typing import FilteringBoundLogger

from trapline.client import ApiConnectionError, ApiStatusError, Trapline
from trapline.worker.main import (
    StartupError,
    WorkerRejected,
    WorkerThreadError,
    declare_pipelines,
    run_worker,
)
from trapline.worker.progress_display import configure_logging
from trapline.worker.settings import WorkerSettings, WorkerSettingsError, load_settings

LOOK_EVERY_S, LOOK_SOON_S = 8.0, 2.0
"""Interval of the search for new projects; the shorter one for LIVELY_S after a start or a find."""
LIVELY_S = 300.0


def keep_registered(settings: WorkerSettings, slugs: list[str], log: FilteringBoundLogger) -> None:
    """Register the pipelines in each project of the token, also in projects created later.

    Return only if the pipelines cannot be declared.
    """
    try:
        offered = declare_pipelines(settings, slugs)
    except StartupError:
        return  # the worker reports the error and ends
    known: set[int] = set()
    last_found = time.monotonic()
    with Trapline(settings.server, settings.token.get_secret_value()) as server:
        while True:
            try:
                for project in server.list_worker_projects():
                    if project.id not in known and project.archived_at is None:
                        server.register_pipelines(project.id, settings.full_service_name, offered)
                        known.add(project.id)
                        last_found = time.monotonic()
            except (ApiStatusError, ApiConnectionError) as error:
                log.debug("pipelines are not registered yet", reason=str(error))
            is_lively = time.monotonic() - last_found < LIVELY_S
            time.sleep(LOOK_SOON_S if is_lively else LOOK_EVERY_S)


def main(slugs: list[str]) -> int:
    """Run the worker until it is stopped, and return its exit code."""
    try:
        settings = load_settings()
        threading.Thread(
            target=keep_registered,
            args=(settings, slugs, configure_logging()),
            name="register",
            daemon=True,
        ).start()
        run_worker(settings, slugs)
    except (WorkerSettingsError, StartupError, WorkerRejected, WorkerThreadError) as error:
        print(f"trapline worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
