"""Temporary databases for rows that do not fit in memory."""

import sqlite3


def open_temporary_database(cache_kib: int) -> sqlite3.Connection:
    """Open an empty SQLite database that disappears when it is closed.

    It keeps up to `cache_kib` KiB in memory and writes the rest to a temporary file. Several
    threads may use it one after another, never at the same time. A crash loses it, so that it
    needs neither a journal nor a write to the disk.

    >>> open_temporary_database(1024).execute("select 1 + 1").fetchone()
    (2,)
    """
    rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for statement in (
        f"pragma cache_size = -{cache_kib}",
        "pragma journal_mode = off",
        "pragma synchronous = off",
    ):
        rows.execute(statement)
    return rows
