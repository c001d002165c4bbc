"""Databases of development versions, from before the migrations were squashed into the first one.

A database at the last revision before the squash is compared with `schema.txt` and recorded as
migrated. An older one must be migrated by an earlier commit first.
"""

from pathlib import Path

from sqlalchemy import Connection, text

from trapline.server.platform.errors import ServiceUnavailable

FIRST = "0100"
LAST_BEFORE = "0062"
EQUIVALENT = "0101"
"""The revision whose schema is that of LAST_BEFORE."""
LAST_COMMIT = "1d6306b"
"""A commit that still has the migrations up to LAST_BEFORE."""
SCHEMA = Path(__file__).with_name("schema.txt")
SHOWN_DIFFERENCES = 10

_DESCRIPTION = """
    select format('column %s.%s %s%s%s%s', c.relname, a.attname,
            format_type(a.atttypid, a.atttypmod),
            case when a.attnotnull then ' not null' else '' end,
            case when a.attidentity <> '' then ' identity' else '' end,
            case when d.adbin is null then ''
                else ' default ' || pg_get_expr(d.adbin, d.adrelid) end)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and a.attnum > 0 and not a.attisdropped and c.relname <> 'alembic_version'
    union all
    select format('constraint %s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        where c.relnamespace = 'public'::regnamespace and k.contype <> 'n'
            and c.relname <> 'alembic_version'
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid))
        from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'
            and not exists (select from pg_constraint k where k.conindid = i.indexrelid
                and k.contype in ('p', 'u', 'x'))
    union all
    select format('function %s %s', p.oid::regprocedure, md5(p.prosrc))
        from pg_proc p where p.pronamespace = 'public'::regnamespace
            and not exists (select from pg_depend e where e.objid = p.oid and e.deptype = 'e')
    union all
    select format('trigger %s', pg_get_triggerdef(t.oid))
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
"""


def is_before_squash(revision: str | None) -> bool:
    """Return whether a database at this revision was last migrated before the squash."""
    return revision is not None and revision.isdecimal() and revision < FIRST


def describe_refusal(revision: str | None) -> str | None:
    """Return why a database at this revision cannot be migrated by this program; None if it can."""
    if not is_before_squash(revision) or revision == LAST_BEFORE:
        return None
    return (
        f"The database is at revision {revision}, from before the migrations were squashed. "
        f"Nothing was changed. Check out commit {LAST_COMMIT} and run `trapline migrate` there, "
        "which migrates it to revision "
        f"{LAST_BEFORE}; then run this version again."
    )


def describe_schema(connection: Connection) -> list[str]:
    """Describe every column, constraint, index, function and trigger, one per line, sorted."""
    connection.execute(text("set local search_path to public"))
    # Definitions of functions and conditions can span lines.
    return sorted(" ".join(line.split()) for line in connection.scalars(text(_DESCRIPTION)))


def adopt(connection: Connection) -> None:
    """Record a database at LAST_BEFORE as migrated to EQUIVALENT, if its schema is as expected.

    Raises:
        ServiceUnavailable: the schema differs from `schema.txt`; the message names differences.
    """
    present, expected = (
        set(describe_schema(connection)),
        set(SCHEMA.read_text("utf-8").splitlines()),
    )
    differences = [
        *(f"missing: {line}" for line in sorted(expected - present)),
        *(f"unexpected: {line}" for line in sorted(present - expected)),
    ]
    if differences:
        connection.rollback()
        shown = "; ".join(differences[:SHOWN_DIFFERENCES])
        more = len(differences) - SHOWN_DIFFERENCES
        raise ServiceUnavailable(
            f"The schema of the database differs from that of revision {LAST_BEFORE}: {shown}"
            f"{f'; and {more} more' if more > 0 else ''}. Nothing was changed. Restore the schema, "
            "or restore a backup of the database, and migrate again."
        )
    connection.execute(
        text("update alembic_version set version_num = :new where version_num = :old"),
        {"new": EQUIVALENT, "old": LAST_BEFORE},
    )
    connection.commit()
