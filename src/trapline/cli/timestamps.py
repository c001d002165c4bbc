"""Parsing of days and times from the command line."""

from datetime import tzinfo


def parse_timestamp(option: str, given: str | None, zone: tzinfo | None = None) -> str | None:
    """Parse a day or a time; without a UTC offset it is in `zone`, by default that of this machine.

    Raises CommandError.
    """
    from datetime import datetime

    from trapline.cli.errors import CommandError, ExitCode

    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            moment = moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
        return moment.isoformat()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} takes a day or a time, such as 2026-05-01 or 2026-05-01T18:00:00+02:00, "
            f"not {given}.",
            ExitCode.WRONG_USAGE,
        ) from None
