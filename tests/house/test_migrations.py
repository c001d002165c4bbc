"""The migrations are one chain, read from their files without the program's own reading of them."""

import ast
from collections import Counter
from pathlib import Path
from typing import Any

from tests.house.tree import list_files, read

VERSIONS = "src/trapline/server/platform/db/migrations/versions"


def _list_migrations() -> list[Path]:
    return [
        path for path in list_files() if str(path.parent) == VERSIONS and path.name != "__init__.py"
    ]


def _read_constants(path: Path) -> dict[str, Any]:
    assigned = [node for node in ast.parse(read(path)).body if isinstance(node, ast.Assign)]
    return {
        target.id: node.value.value
        for node in assigned
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }


def test_the_number_of_each_migration_is_its_revision() -> None:
    """The list of revisions is read from file names before alembic is loaded."""
    wrong = {
        path.name: found
        for path in _list_migrations()
        if (found := _read_constants(path).get("revision")) != path.name.partition("_")[0]
        or not (isinstance(found, str) and len(found) == 4 and found.isdecimal())
    }
    assert not wrong, "the file name begins with the revision, four digits"
    assert not [path.name for path in _list_migrations() if path.name < "0100"], (
        "smaller numbers are those of the migrations that were squashed: use 0102 or more"
    )


def test_the_migrations_are_one_chain() -> None:
    """A database skips a revision that is not on the chain, without an error."""
    constants = [_read_constants(path) for path in _list_migrations()]
    counted = Counter(each["revision"] for each in constants)
    assert len(counted) >= 2, "the migrations were not found"
    assert not [revision for revision, times in counted.items() if times > 1], (
        "two files have the same revision"
    )
    followers = Counter(each["down_revision"] for each in constants)
    assert not {down: times for down, times in followers.items() if times > 1}, (
        "two migrations follow the same one: set the down_revision of the newer to the last of the "
        "chain"
    )
    assert followers[None] == 1
    unknown = set(followers) - set(counted) - {None}
    assert not unknown, "a down_revision names no migration"
    heads = set(counted) - set(followers)
    assert len(heads) == 1, "the chain has one end"
    follower = {each["down_revision"]: each["revision"] for each in constants}
    walked, at = 0, follower[None]
    while at is not None:
        walked, at = walked + 1, follower.get(at)
    assert walked == len(counted), "a migration follows itself"
