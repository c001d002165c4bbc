"""The order of the migrations, read from their files without loading alembic."""

import re
from pathlib import Path

from trapline.server.platform.errors import ServiceUnavailable

VERSIONS = Path(__file__).parent / "versions"
_REVISION = re.compile(r"^revision = [\"'](\d{4})[\"']$", re.MULTILINE)
_DOWN_REVISION = re.compile(r"^down_revision = (?:None|[\"'](\d{4})[\"'])$", re.MULTILINE)


def list_chain(versions: Path = VERSIONS) -> list[str]:
    """List the revisions in the order in which a database is migrated, the oldest first.

    The order is that of `down_revision`; numbers of files may have gaps and need not ascend.

    Raises:
        ServiceUnavailable: the files are not one chain, so that a database would skip one of them.
    """
    followers: dict[str | None, str] = {}
    revisions: set[str] = set()
    for file in sorted(versions.glob("[0-9]*_*.py")):
        text = file.read_text("utf-8")
        revision, down = _REVISION.search(text), _DOWN_REVISION.search(text)
        if revision is None or down is None or not file.name.startswith(f"{revision[1]}_"):
            raise _build_refusal(
                f"{file.name} does not begin with its revision, or names no down_revision"
            )
        if revision[1] in revisions:
            raise _build_refusal(f"two files have the revision {revision[1]}")
        if down[1] in followers:
            raise _build_refusal(
                f"{followers[down[1]]} and {revision[1]} follow the same revision {down[1]}"
            )
        revisions.add(revision[1])
        followers[down[1]] = revision[1]
    chain: list[str] = []
    at = followers.get(None)
    while at is not None:
        chain.append(at)
        at = followers.get(at)
    if left := revisions - set(chain):
        raise _build_refusal(f"{min(left)} cannot be reached from the first one")
    return chain


def get_next_number(versions: Path = VERSIONS) -> str:
    """Return the number of a new migration: one more than the greatest that exists."""
    return f"{max(map(int, list_chain(versions)), default=0) + 1:04}"


def _build_refusal(what: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"The migrations of this program are not one chain: {what}. The database was not changed. "
        "Install Trapline again."
    )
