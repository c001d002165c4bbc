"""Databases from before the migrations were squashed: recognised, compared, recorded or refused."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from tests.support.api_project import Field, make_field
from tests.support.image_factory import make_jpeg

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db import migrations
from trapline.server.platform.db.migrations import squash

SCHEMA = Path(squash.__file__).with_name("schema.txt")


@pytest.fixture
async def field(system: AppContext) -> Field:
    """A project with an uploaded image and a job for it."""
    field = await make_field(system, 0)
    await upload(field, "IMG_0001.JPG", 1)
    await field.run_job()
    return field


async def upload(field: Field, filename: str, number: int) -> None:
    [(deployment,)] = await field.ask("select id from deployments")
    answer = await field.client.post(
        "/api/v2/images",
        data={"project": str(field.project), "deployment": str(deployment)},
        files=[("files", (filename, make_jpeg(number), "image/jpeg"))],
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 200, answer.text
    assert [file["outcome"] for file in answer.json()["files"]] == ["imported"]


def set_revision(url: str, revision: str) -> None:
    """Undo the migrations after the squash, and record an earlier revision."""
    config = migrations._config()
    with migrations._connect(url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, squash.EQUIVALENT)
        connection.commit()
    with psycopg.connect(url) as connection:
        connection.execute("update alembic_version set version_num = %s", (revision,))


def run_migrate(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", "migrate"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "DATABASE_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_schema_file_describes_the_recorded_revision(empty_database_url: str) -> None:
    """`schema.txt` was written from a database that the old migrations had migrated."""
    migrations.migrate(empty_database_url, "0101")
    with migrations._connect(empty_database_url) as connection:
        assert squash.describe_schema(connection) == SCHEMA.read_text("utf-8").splitlines()


async def test_a_filled_database_of_the_last_revision_is_recorded_as_migrated(
    field: Field, database_url: str, tmp_path: Path
) -> None:
    before = await field.ask("select id, filename, sha256 from images order by id")
    assert before
    set_revision(database_url, "0062")
    migrated = run_migrate(tmp_path, database_url)
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout == f"Migrated from 0062 to {migrations.newest()}.\n"
    assert await field.ask("select id, filename, sha256 from images order by id") == before
    await upload(field, "IMG_0002.JPG", 2)
    assert await field.ask("select count(*) from analyses") == [(1,)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("drop index ix_images_blank", "missing: index"),
        ("alter table images add column mine int", "unexpected: column images.mine integer"),
        ("alter table images alter column filename drop not null", "missing: column images.f"),
        (
            (
                "create or replace function leave_sequence() returns trigger as 'begin end' "
                "language "
                "plpgsql"
            ),
            "missing: function leave_sequence()",
        ),
        ("drop trigger leave_sequence on images", "missing: trigger CREATE TRIGGER leave_seq"),
    ],
)
async def test_a_schema_that_differs_is_named_and_nothing_is_changed(
    field: Field, database_url: str, tmp_path: Path, change: str, named: str
) -> None:
    set_revision(database_url, "0062")
    with psycopg.connect(database_url) as connection:
        connection.execute(change)
    refused = run_migrate(tmp_path, database_url)
    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Nothing was changed" in refused.stderr
    assert migrations.find_present(database_url) == "0062"
    assert await field.ask("select count(*) from images") == [(1,)]


async def test_an_older_database_stops_with_the_commit_to_run_first(
    field: Field, database_url: str, tmp_path: Path
) -> None:
    set_revision(database_url, "0055")
    refused = run_migrate(tmp_path, database_url)
    assert refused.returncode == 1
    assert f"Check out commit {squash.LAST_COMMIT} and run `trapline migrate`" in refused.stderr
    assert "revision 0055" in refused.stderr
    assert migrations.find_present(database_url) == "0055"
    assert await field.ask("select count(*) from images") == [(1,)]
    with pytest.raises(Exception, match=f"Check out commit {squash.LAST_COMMIT}"):
        migrations.check_present(database_url)
