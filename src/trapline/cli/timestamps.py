"""Moments as people type them."""


def parse_timestamp(option: str, given: str | None) -> str | None:
    """Read a day or a moment, of this machine's zone where it names none. Raises CommandError."""
    from datetime import datetime

    from trapline.cli.errors import CommandError, ExitCode

    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        return (moment if moment.tzinfo else moment.astimezone()).isoformat()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} takes a day or a moment, such as 2026-05-01 or 2026-05-01T18:00:00+02:00, "
            f"not {given}.",
            ExitCode.WRONG_USAGE,
        ) from None
