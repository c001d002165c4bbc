"""Dump and restore databases with the programs of the embedded PostgreSQL."""

import os
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trapline.server.platform.postgres.binaries import find_binaries
from trapline.server.platform.postgres.data_folder import EngineError


def dump_database(folder: Path, url: str, snapshot: str, into: Path) -> None:
    """Dump a database as of an exported snapshot. Raises EngineError with pg_dump's message."""
    _run(
        folder,
        "pg_dump",
        url,
        "--format=custom",
        "--no-owner",
        f"--snapshot={snapshot}",
        f"--file={into}",
    )


def restore_database(folder: Path, url: str, dump: Path) -> None:
    """Load a dump into an empty database, completely or not at all.

    Raises:
        EngineError: it failed; the message is that of pg_restore.
    """
    _run(
        folder,
        "pg_restore",
        url,
        "--no-owner",
        "--exit-on-error",
        "--single-transaction",
        str(dump),
    )


def _run(folder: Path, program: str, url: str, *arguments: str) -> None:
    parameters = conninfo_to_dict(url)
    password = str(parameters.pop("password", ""))
    # Every user of the machine could read a password on the command line.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "PGPASSWORD": password,
    }
    command = [
        str(find_binaries(folder) / program),
        f"--dbname={make_conninfo('', **parameters)}",
        *arguments,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"{program} failed: {done.stderr.strip()[-1000:]}")
