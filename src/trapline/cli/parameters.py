"""Parameters as people type them, NAME=VALUE or a file of JSON, and the forms that they are put into."""

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
            raise CommandError(f"{file} holds no JSON object.", ExitCode.WRONG_USAGE)
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
    """Write parameters as they are typed."""
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
            ": ".join([*(str(part) for part in found["loc"][-2:]), found["msg"]])
            for found in error.errors()
        )
        raise CommandError(
            f"Not a valid {what}: {wrong}. Nothing was changed.", ExitCode.WRONG_USAGE
        ) from None
