"""The embedded PostgreSQL: made once, started again, taken over after a crash, never shared."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from trapline.server.platform.postgres.data_folder import (
    UNPRIVILEGED,
    EngineError,
    FolderInUseError,
    is_reachable,
    lock_folder,
    write_secret,
)
from trapline.server.platform.postgres.postgres import start_postgres, stop_postgres


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder that PostgreSQL's uid can access. Those of pytest have mode 0700."""
    folder = tmp_path_factory.mktemp("data")
    if os.geteuid() == 0:
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o777 == 0o700:
                parent.chmod(0o711)
    return folder


def test_it_is_durable_and_utf8_and_does_not_run_as_root(folder: Path) -> None:
    postgres = start_postgres(folder)
    try:
        with psycopg.connect(postgres.url) as connection:
            row = connection.execute(
                "select current_setting('fsync'), current_setting('server_encoding'), datlocale, "
                "current_setting('data_checksums'), current_setting('password_encryption') "
                "from pg_database where datname = current_database()"
            ).fetchone()
        assert row == ("on", "UTF8", "C.UTF-8", "on", "scram-sha-256")
        assert (folder / "database-password").stat().st_mode & 0o777 == 0o600
        if os.geteuid() == 0:
            assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == UNPRIVILEGED
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.url, password="a guess")
    finally:
        stop_postgres(postgres)
    assert postgres.process.returncode == 0


def test_committed_data_survives_kill_9_and_the_port_is_kept(folder: Path) -> None:
    first = start_postgres(folder)
    with psycopg.connect(first.url) as connection:
        connection.execute("create table kept (what text)")
        connection.execute("insert into kept values ('this')")
    first.process.kill()
    first.process.wait()
    second = start_postgres(folder)
    try:
        assert second.url == first.url
        with psycopg.connect(second.url) as connection:
            assert connection.execute("select what from kept").fetchone() == ("this",)
    finally:
        stop_postgres(second)


def test_a_postmaster_that_outlived_its_trapline_is_stopped(folder: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from trapline.server.platform.postgres.postgres import start_postgres\n"
        "print(start_postgres(Path(sys.argv[1])).process.pid, flush=True); os.kill(os.getpid(), "
        "signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    left_behind = int(ended.stdout)
    os.kill(left_behind, 0)
    postgres = start_postgres(folder)
    try:
        assert postgres.process.pid != left_behind
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        stop_postgres(postgres)


def test_a_second_one_on_the_same_folder_is_refused_and_names_the_first(folder: Path) -> None:
    lock = lock_folder(folder)
    with pytest.raises(FolderInUseError, match=rf"process {os.getpid()}.*--data"):
        lock_folder(folder)
    lock.release()
    lock_folder(folder).release()


def test_a_folder_of_another_major_version_is_refused(folder: Path) -> None:
    (folder / "database").mkdir()
    (folder / "database" / "PG_VERSION").write_text("15\n", encoding="utf-8")
    with pytest.raises(EngineError, match="PostgreSQL 15"):
        start_postgres(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another uid")
def test_a_folder_under_a_closed_parent_is_refused_with_a_hint(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    assert not is_reachable(closed / "data")
    with pytest.raises(EngineError, match=rf"cannot pass through {closed}.*--data"):
        start_postgres(closed / "data")


def test_a_secret_is_never_overwritten(folder: Path) -> None:
    write_secret(folder / "secret", "one")
    with pytest.raises(FileExistsError):
        write_secret(folder / "secret", "two")
    assert (folder / "secret").read_text(encoding="utf-8") == "one\n"
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret"]
