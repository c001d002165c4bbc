"""Errors of commands: one sentence with what to do, and an exit code for each kind."""

import sys
from enum import IntEnum

from trapline.extras import describe_install


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    NOT_DONE = 1
    WRONG_USAGE = 2
    NO_ANSWER = 3
    REFUSED = 4


class CommandError(Exception):
    """A command cannot do what it was asked for; the message is a sentence for people."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.NOT_DONE) -> None:
        super().__init__(sentence)
        self.code = code


def explain_error(error: BaseException) -> tuple[str, int] | None:
    """The sentence and the exit code for a foreseen failure; None for breakage, whose traceback is wanted."""
    from trapline.client import ApiConnectionError, ApiStatusError

    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, ApiConnectionError):
        return (
            f"{error}. Is the server running? TRAPLINE_SERVER says where it is looked for.",
            ExitCode.NO_ANSWER,
        )
    if isinstance(error, ApiStatusError):
        return str(error), ExitCode.REFUSED
    if isinstance(error, ModuleNotFoundError):
        return _explain_missing(error)
    # Only a command that loaded the server can have met the server's own failures.
    if "trapline.server.platform.errors" in sys.modules:
        from trapline.server.platform.errors import TraplineError

        if isinstance(error, TraplineError):
            return error.detail, ExitCode.NOT_DONE
    if "trapline.server.app.settings" in sys.modules:
        from trapline.server.app.settings import SettingsError

        if isinstance(error, SettingsError):
            return str(error), ExitCode.WRONG_USAGE
    if "trapline.server.platform.postgres.data_folder" in sys.modules:
        from trapline.server.platform.postgres.data_folder import EngineError

        if isinstance(error, EngineError):
            return str(error), ExitCode.NOT_DONE
    return None


def _explain_missing(error: ModuleNotFoundError) -> tuple[str, int] | None:
    name = (error.name or "").partition(".")[0]
    if not name or name == "trapline":
        return None
    extra = "worker" if name in ("onnx", "onnxruntime", "numpy", "simplejpeg", "PIL") else "server"
    return (
        (
            f"This command needs more than is installed ({name} is missing): "
            f"{describe_install(extra)}."
        ),
        2,
    )
