"""`make migration` on a copy of the program: what it writes reaches a database that exists."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
from tests.house.tree import ROOT, list_files
from tests.support.running_server import quiet_environment

from trapline.server.platform.db.migrations import find_present, migrate, newest

TABLE = Path("src/trapline/server/review/queries/taxa.py")


def test_a_written_migration_is_applied_to_an_existing_database(
    empty_database_url: str, tmp_path: Path
) -> None:
    migrate(empty_database_url)
    copy = _copy_program(tmp_path / "copy")
    known = {path.name.partition("_")[0] for path in _list_migrations(copy)}
    _add_column(copy)
    written = _run(copy, "tools/write_migration.py", "Weigh taxa")
    assert written.returncode == 0, written.stdout + written.stderr
    (new,) = [path for path in _list_migrations(copy) if path.name.endswith("_weigh_taxa.py")]
    assert new.name.partition("_")[0] not in known
    text = new.read_text("utf-8")
    assert f'\nrevision = "{new.name[:4]}"\n' in text
    assert f'\ndown_revision = "{newest()}"\n' in text
    migrated = _run(copy, "-m", "trapline.cli.main", "migrate", DATABASE_URL=empty_database_url)
    assert migrated.returncode == 0, migrated.stderr
    assert f"from {newest()} to {new.name[:4]}" in migrated.stdout
    assert find_present(empty_database_url) == new.name[:4]
    with psycopg.connect(empty_database_url) as connection:
        columns = connection.execute(
            "select data_type from information_schema.columns where table_name = 'taxa' and "
            "column_name = 'weight_g'"
        ).fetchall()
    assert columns == [("bigint",)]
    # A change of data alone: the tables are as the program knows them, and the number is the next
    # one.
    second = _run(copy, "tools/write_migration.py", "Repair data")
    assert second.returncode == 0, second.stdout + second.stderr
    assert _list_migrations(copy)[-1].name == f"{int(new.name[:4]) + 1:04}_repair_data.py"
    assert "add_column" not in _list_migrations(copy)[-1].read_text("utf-8")


def test_a_migration_with_a_smaller_number_is_applied(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Branches land in another order than their numbers were given: the chain is the order."""
    migrate(empty_database_url)
    copy = _copy_program(tmp_path / "copy")
    versions = copy / "src/trapline/server/platform/db/migrations/versions"
    for number, before in (("9002", newest()), ("9001", "9002")):
        (versions / f"{number}_late.py").write_text(
            f'"""Late."""\n\nfrom alembic import op\n\nrevision = "{number}"\n'
            f'down_revision = "{before}"\n\n\ndef upgrade() -> None:\n    """Late."""\n'
            f'    op.execute("create table late_{number} (id int)")\n',
            "utf-8",
        )
    migrated = _run(copy, "-m", "trapline.cli.main", "migrate", DATABASE_URL=empty_database_url)
    assert migrated.returncode == 0, migrated.stderr
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select to_regclass('late_9001') is not null").fetchall() == [
            (True,)
        ]


def test_two_migrations_after_the_same_one_are_refused(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Neither a database nor the tool silently takes one of them."""
    copy = _copy_program(tmp_path / "copy")
    versions = copy / "src/trapline/server/platform/db/migrations/versions"
    (last,) = versions.glob(f"{newest()}_*.py")
    text = last.read_text("utf-8")
    (versions / "9000_a_branch.py").write_text(
        text.replace(f'revision = "{newest()}"', 'revision = "9000"', 1), "utf-8"
    )
    for arguments in (
        ("-m", "trapline.cli.main", "migrate"),
        ("tools/write_migration.py", "A third"),
    ):
        refused = _run(copy, *arguments, DATABASE_URL=empty_database_url)
        assert refused.returncode != 0
        assert f"{newest()} and 9000 follow the same" in refused.stderr
    assert find_present(empty_database_url) is None


def _copy_program(copy: Path) -> Path:
    for path in list_files():
        if path.parts[:2] == ("src", "trapline") or path.parts[0] == "tools":
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, copy / path)
    return copy


def _list_migrations(copy: Path) -> list[Path]:
    return sorted((copy / "src/trapline/server/platform/db/migrations/versions").glob("[0-9]*.py"))


def _add_column(copy: Path) -> None:
    text = (copy / TABLE).read_text("utf-8")
    column = "    authorship: Mapped["
    assert text.count(column) == 1
    (copy / TABLE).write_text(
        text.replace(column, f"    weight_g: Mapped[int | None]\n{column}"), "utf-8"
    )


def _run(copy: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = (
        quiet_environment()
        | {"PYTHONPATH": str(copy / "src"), "TRAPLINE_DATA": str(copy / "data")}
        | more
    )
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
