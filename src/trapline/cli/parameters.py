"""Parameters from the command line, NAME=VALUE or a JSON file, and requests built from them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

Form = TypeVar("Form", bound="BaseModel")


def parse_parameters(
    option: str, given: list[str] | None, file: Path | None = None
) -> dict[str, Any]:
    """Parse NAME=VALUE, where a value that is not JSON is text; it overrides `file`.

    Raises CommandError.
    """
    from trapline.cli.errors import CommandError, ExitCode

    parameters: dict[str, Any] = {}
    if file is not None:
        try:
            parameters = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{file} cannot be read as JSON: {error}.", ExitCode.WRONG_USAGE
            ) from None
        if not isinstance(parameters, dict):
            raise CommandError(f"{file} does not contain a JSON object.", ExitCode.WRONG_USAGE)
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"{option} takes NAME=VALUE, not {text}.", ExitCode.WRONG_USAGE)
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


def format_parameters(parameters: dict[str, Any]) -> str:
    """Format parameters as NAME=VALUE, as users type them."""
    return ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(parameters.items())
    )


def build_request(form: type[Form], given: dict[str, Any], what: str) -> Form:
    """Build a request from given values; raises CommandError if they are not a valid `what`."""
    from pydantic import ValidationError

    from trapline.cli.errors import CommandError, ExitCode

    try:
        return form.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join(
                filter(
                    None,
                    (".".join(map(str, found["loc"])), found["msg"].removeprefix("Value error, ")),
                )
            )
            for found in error.errors()
        )
        raise CommandError(
            f"Not a valid {what}: {wrong}. Nothing was changed.", ExitCode.WRONG_USAGE
        ) from None
