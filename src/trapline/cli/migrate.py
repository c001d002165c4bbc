"""`trapline migrate`: migrate an external database to the schema of this version."""


def migrate() -> None:
    """Migrate the database of DATABASE_URL to this version; `trapline up` migrates an embedded
    one."""
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.server.app.settings import load_settings
    from trapline.server.platform.db.migrations import find_present, newest
    from trapline.server.platform.db.migrations import migrate as bring_up

    url = load_settings().database_url
    if url is None:
        raise CommandError(
            "DATABASE_URL is not set. `trapline up` migrates an embedded database automatically.",
            ExitCode.WRONG_USAGE,
        )
    before = find_present(url.get_secret_value())
    bring_up(url.get_secret_value())
    print(
        f"The database is at {newest()}."
        if before == newest()
        else f"Migrated from {before or 'an empty database'} to {newest()}."
    )
