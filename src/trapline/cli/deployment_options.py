"""The options of the fields of a deployment, built from the list of fields."""

import functools
import inspect
from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Any

import typer

from trapline.wire.deployment_fields import (
    DEPLOYMENT_FIELDS,
    DeploymentField,
    FeatureType,
    FieldKind,
    parse_period,
)

TYPES: dict[FieldKind, Any] = {
    FieldKind.TEXT: str | None,
    FieldKind.ZONE: str | None,
    FieldKind.TIME: str | None,
    FieldKind.NUMBER: float | None,
    FieldKind.INTEGER: int | None,
    FieldKind.FLAG: bool | None,
    FieldKind.CHOICE: FeatureType | None,
    FieldKind.LIST: list[str] | None,
    FieldKind.PERIODS: list[str] | None,
}
OPTIONS = {name: one for name, one in DEPLOYMENT_FIELDS.items() if one.option}


def with_field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each field to a command.

    The command gets the given ones as its argument `fields`, by the names of the fields. Times in
    it are texts; see `set_zone`.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [one for name, one in signature.parameters.items() if name != "fields"]
    added = [_build_parameter(name, one) for name, one in OPTIONS.items()]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        fields = _parse_fields({name: given.pop(name) for name in OPTIONS})
        command(**given, fields=fields)

    parameters = [*own[:-1], *added, own[-1]]  # --json is the last option of a command
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _build_parameter(name: str, field: DeploymentField) -> inspect.Parameter:
    text = field.option_help or field.help
    option = field.option
    if field.kind is FieldKind.FLAG:
        option = f"{option}/--no-{option.removeprefix('--')}"
    if field.kind in (FieldKind.LIST, FieldKind.PERIODS):
        text += " Repeat the option for several."
    bounds: dict[str, Any] = {}
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        bounds = {"min": field.minimum, "max": field.maximum}
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=typer.Option(None, option, help=text, **bounds),
        annotation=TYPES[field.kind],
    )


def _parse_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were given, with times as texts. Raises CommandError."""
    fields: dict[str, Any] = {}
    for name, value in given.items():
        field = OPTIONS[name]
        if value is None or (isinstance(value, list) and not value):
            continue
        if field.kind is FieldKind.PERIODS:
            value = [_parse_period(field.option, text) for text in value]
        fields[name] = value
    return fields


def _parse_period(option: str, text: str) -> dict[str, Any]:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        return parse_period(text)
    except ValueError as error:
        raise CommandError(f"{option} {error}, not {text}.", ExitCode.WRONG_USAGE) from None


def set_zone(fields: dict[str, Any], zone: str) -> dict[str, Any]:
    """Return fields as the API takes them: times without a UTC offset are in this time zone.

    Raises CommandError.
    """
    from zoneinfo import ZoneInfo

    from trapline.cli.timestamps import parse_timestamp

    try:
        local: tzinfo = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        local = UTC  # the server refuses the zone
    ready: dict[str, Any] = {}
    for name, value in fields.items():
        option, kind = OPTIONS[name].option, OPTIONS[name].kind
        if kind is FieldKind.TIME:
            value = parse_timestamp(option, value, local)
        elif kind is FieldKind.PERIODS:
            value = [
                one | {end: parse_timestamp(option, one[end], local) for end in ("start", "end")}
                for one in value
            ]
        ready[name] = value
    return ready


def list_local_times(fields: dict[str, Any]) -> list[str]:
    """List the fields with a time that has no UTC offset, so that it is in the deployment's zone.

    Raises CommandError if a text is not a time.
    """
    return [name for name, value in fields.items() if _depends_on_zone(name, value)]


def _depends_on_zone(name: str, value: Any) -> bool:
    zones = ("Etc/GMT+1", "Etc/GMT-1")
    first, second = (set_zone({name: value}, zone) for zone in zones)
    return first != second


def get_empty_value(name: str) -> Any:
    """Return the value that clears a field. Raises CommandError if it cannot be cleared."""
    from trapline.cli.errors import CommandError, ExitCode

    field = OPTIONS.get(name)
    if field is None or field.kind is FieldKind.ZONE:
        names = ", ".join(name for name, one in OPTIONS.items() if one.kind is not FieldKind.ZONE)
        raise CommandError(
            f"--clear takes a field: {names}. {name} is not one.", ExitCode.WRONG_USAGE
        )
    if field.kind in (FieldKind.LIST, FieldKind.PERIODS):
        return []
    return "" if field.kind is FieldKind.TEXT else None


def format_field(name: str, value: Any) -> str:
    """Format the value of a field for people."""
    if value is None:
        return ""
    match DEPLOYMENT_FIELDS[name].kind:
        case FieldKind.FLAG:
            return "yes" if value else "no"
        case FieldKind.LIST:
            return ", ".join(value)
        case FieldKind.PERIODS:
            return "\n".join(f"{one.start} to {one.end} {one.reason}".rstrip() for one in value)
        case _:
            return str(value)


def format_label(name: str) -> str:
    """Return the label of a field with its unit."""
    field = DEPLOYMENT_FIELDS[name]
    return f"{field.label.lower()} ({field.unit})" if field.unit else field.label.lower()
