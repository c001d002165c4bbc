"""The base of the tests: one PostgreSQL for the run, and a new database for each test that asks."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from tests.support.api_application import application_of
from tests.support.fault_report import (  # noqa: F401 - hooks
    pytest_configure,
    pytest_report_header,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.support.s3_server import S3Server, run_s3_server
from trapline.server.app.hooks import register_hooks
from trapline.server.app.http.application import wrap_middleware
from trapline.server.app.http_server import tune_garbage_collector
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.platform.postgres.postgres import USER, Postgres, start_postgres, stop_postgres
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.url_signatures import FILES
from trapline.server.platform.vault import SecretKeys

QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
"""Test databases need no durability. Tests that kill PostgreSQL start durable ones themselves."""

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests: a long test at the end would leave the other processes idle."""
    places = {"faults": 0, "survey": 0, "acceptance": 1}
    items.sort(key=lambda item: min(places.get(part, 2) for part in item.path.parts))
    if not os.environ.get("TRAPLINE_SOAK"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long: make soak runs it"))


def pytest_collection_finish() -> None:
    """Collect cycles as rarely as a server process: it took a seventh of the suite's time."""
    tune_garbage_collector()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One embedded PostgreSQL for the whole run.

    It ends with the run, also where the run is killed.
    """
    folder = Path(tempfile.mkdtemp(prefix="trapline-tests-"))
    folder.chmod(0o711)
    running = start_postgres(folder, QUICK)
    # The watcher's standard input ends when this process does, however that happens.
    watcher = subprocess.Popen(
        [
            "sh",
            "-c",
            'read -r _; kill -QUIT "$0" 2>/dev/null; sleep 1; rm -rf "$1"',
            str(running.process.pid),
            str(folder),
        ],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        stop_postgres(running, timeout_s=5)
        watcher.kill()
        watcher.communicate()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Return the name of a migrated, empty database.

    A copy is 100 times faster than a migration.
    """
    from trapline.server.platform.db.migrations import migrate

    migrate(postgres.url)
    return postgres.url.rpartition("/")[2]


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """A database without any table of ours, dropped after the test."""
    with fresh_database(postgres, "template1") as url:
        yield url


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> Iterator[str]:
    """A migrated database for one test, dropped after it."""
    with fresh_database(postgres, template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same as the server sees it."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def system(database: Database, tmp_path: Path) -> AsyncIterator[AppContext]:
    """Return the engines of one process of the server: a real database, store and decoders."""
    decoders = DecoderPool(processes=1)
    yield make_system(database, decoders, tmp_path / "store")
    await decoders.close()


@asynccontextmanager
async def open_own_system(
    postgres: Postgres, template: str, store: Path
) -> AsyncIterator[AppContext]:
    """Open a system with a separate database, for all the tests of a file."""
    with fresh_database(postgres, template) as url:
        database, decoders = Database(url), DecoderPool(processes=1)
        yield make_system(database, decoders, store)
        await decoders.close()
        await database.close()


def make_system(database: Database, decoders: DecoderPool, store: Path) -> AppContext:
    """Put the engines of one process together."""
    register_hooks()
    keys = SecretKeys({1: b"a secret key of the tests, 32 bytes or more"})
    return AppContext(
        database=database,
        store=LocalStore(store, keys.derive_all(FILES), "http://trapline.test"),
        decoders=decoders,
        outbound=OutboundPolicy(),
        secrets=keys,
        public_url="http://trapline.test",
        source_folders=(Path("/media"),),
        work_folder=store.parent / "work",
    )


@pytest.fixture
def application(system: AppContext) -> FastAPI:
    """The application of a process with this system."""
    return application_of(system)


@pytest.fixture
async def app_client(application: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole application, envelope included, without a socket between them."""
    transport = httpx2.ASGITransport(wrap_middleware(application))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        yield client


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3 server for the run, started for the first test that asks for it."""
    with run_s3_server() as running:
        yield running


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of real images, models and samples; it is not part of the repository."""
    folder = os.environ.get("TRAPLINE_SAMPLES")
    if not folder:
        pytest.skip("TRAPLINE_SAMPLES names no folder of sample pictures")
    return Path(folder)


@contextmanager
def fresh_database(postgres: Postgres, template: str) -> Iterator[str]:
    """Copy a database to a new name; it is dropped at the end of the block."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    server = postgres.url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        # Copied as files it takes a third of the time that PostgreSQL's other way takes.
        connection.execute(
            f"create database {name} template {template} strategy file_copy owner {USER}".encode()
        )
        yield f"{server}/{name}"
        connection.execute(f"drop database {name} with (force)".encode())
