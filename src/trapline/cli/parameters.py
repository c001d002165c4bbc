"""Parameters as people type them, NAME=VALUE or a file of JSON, and the forms that they are put into."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

Form = TypeVar("Form", bound="BaseModel")


def read_parameters(option: str, given: list[str] | None, file: Path | None = None) -> dict[str, Any]:
    """Read NAME=VALUE, where a value that is no JSON is text; it goes before what `file` has. Raises CommandFailed."""
    from trapline.cli.errors import CommandFailed, Exit

    parameters: dict[str, Any] = {}
    if file is not None:
        try:
            parameters = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandFailed(f"{file} cannot be read as JSON: {error}.", Exit.WRONG_USAGE) from None
        if not isinstance(parameters, dict):
            raise CommandFailed(f"{file} holds no JSON object.", Exit.WRONG_USAGE)
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandFailed(f"{option} takes NAME=VALUE, not {text}.", Exit.WRONG_USAGE)
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


def write_parameters(parameters: dict[str, Any]) -> str:
    """Write parameters as they are typed."""
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(parameters.items()))


def fill_form(form: type[Form], given: dict[str, Any], what: str) -> Form:
    """Put what was given into a form; raises CommandFailed with what is wrong, where that is no `what`."""
    from pydantic import ValidationError

    from trapline.cli.errors import CommandFailed, Exit

    try:
        return form.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([*(str(part) for part in found["loc"][-2:]), found["msg"]]) for found in error.errors()
        )
        raise CommandFailed(f"That is no {what}: {wrong}. Nothing was changed.", Exit.WRONG_USAGE) from None
