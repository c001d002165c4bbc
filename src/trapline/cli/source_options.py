"""Gateway options and credentials of a pull source; secrets are never on the command line."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from trapline.cli.errors import CommandError, ExitCode

PASSWORD_VARIABLE = "TRAPLINE_SOURCE_PASSWORD"  # noqa: S105 - not a secret
PROMPTS = {
    "basic": "Password",
    "bearer": "Token",
    "header": "Header (the Authorization value, or Name: value)",
}


def parse_options(
    url: str, gateway: str | None, given: list[str], files: list[str]
) -> dict[str, Any]:
    """Parse `NAME=VALUE` and `NAME=FILE` as options of a gateway, with JSON values and `@FILE`.

    Raises CommandError if one is misspelt, or a secret is given on the command line.
    """
    from trapline.wire.gateway_options import get_gateway_info

    secret = get_gateway_info(gateway or url.partition(":")[0].lower()).secret
    options: dict[str, Any] = {}
    for text in given:
        name, value = _split(text, "--option")
        if name in secret:
            raise CommandError(
                f"The option {name} is a secret, and others can see a command line. Put it into a "
                f"file: --option-file {name}=FILE, or {name}=- to read it from standard input.",
                ExitCode.WRONG_USAGE,
            )
        options[name] = _read_value(name, value)
    for text in files:
        name, path = _split(text, "--option-file")
        options[name] = load_text_file(path)
    return options


def load_credentials(
    auth: str | None, username: str | None, file: str | None, *, has_key: bool = False
) -> dict[str, str]:
    """Load the credentials of a source, with the secret from a file, TRAPLINE_SOURCE_PASSWORD, or
    a prompt.

    With a private key, no password is asked for.
    """
    auth = auth or ("basic" if username is not None else None)
    if auth is None:
        if file is not None:
            raise CommandError(
                "--password-file requires --username, or --auth bearer or header.",
                ExitCode.WRONG_USAGE,
            )
        return {}
    if auth not in PROMPTS:
        raise CommandError(
            f"--auth is one of {', '.join(PROMPTS)}, not {auth}.", ExitCode.WRONG_USAGE
        )
    if auth == "basic" and username is None:
        raise CommandError("--auth basic requires --username.", ExitCode.WRONG_USAGE)
    if auth == "basic" and username is not None and has_key and file is None:
        return {"auth_type": auth, "auth_username": username}
    credentials = {
        "auth_type": auth,
        "auth_header" if auth == "header" else "auth_password": _read_secret(auth, file),
    }
    return credentials if username is None else {**credentials, "auth_username": username}


def load_text_file(path: str) -> str:
    """Read a small text file, or standard input for `-`, without the line break at its end.

    Raises CommandError.
    """
    try:
        text = (
            sys.stdin.read() if path == "-" else Path(path).expanduser().read_text(encoding="utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandError(f"{path} cannot be read: {why}.", ExitCode.WRONG_USAGE) from None
    return text.rstrip("\r\n")


def _read_secret(auth: str, file: str | None) -> str:
    import typer

    if file is not None:
        return load_text_file(file)
    if (known := os.environ.get(PASSWORD_VARIABLE)) is not None:
        return known
    if not sys.stdin.isatty():
        raise CommandError(
            f"There is no terminal to ask for the {PROMPTS[auth].split()[0].lower()}: "
            "give --password-file FILE "
            f"(- is standard input), or set {PASSWORD_VARIABLE}.",
            ExitCode.WRONG_USAGE,
        )
    answer: str = typer.prompt(PROMPTS[auth], hide_input=True)
    return answer


def _split(text: str, flag: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"{flag} takes NAME=VALUE, not {text}.", ExitCode.WRONG_USAGE)
    return name, value


def _read_value(name: str, value: str) -> Any:
    is_file = value.startswith("@")
    text = load_text_file(value[1:]) if is_file else value
    if not is_file and not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(
            f"The option {name} is not JSON: {error}.", ExitCode.WRONG_USAGE
        ) from None
