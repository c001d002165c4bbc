"""Errors of commands: a message for the user, and an exit code for each kind of error."""

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
    """A command failed; the message is for the user and says what to do."""

    def __init__(self, message: str, code: int = ExitCode.NOT_DONE) -> None:
        super().__init__(message)
        self.code = code


def explain_error(error: BaseException) -> tuple[str, int] | None:
    """Return the message and the exit code of an expected error.

    Return None for an unexpected error, so that its traceback is shown.
    """
    from trapline.client import ApiConnectionError, ApiStatusError

    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, ApiConnectionError):
        return (
            f"{error}. Is the server running? TRAPLINE_SERVER sets its URL.",
            ExitCode.NO_ANSWER,
        )
    if isinstance(error, ApiStatusError):
        return str(error), ExitCode.REFUSED
    if isinstance(error, ModuleNotFoundError):
        return _explain_missing(error)
    # Only commands that imported the server's modules can raise their errors.
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
    of_worker = ("onnx", "onnxruntime", "numpy", "simplejpeg", "PIL")
    extra = "worker-cpu" if name in of_worker else "server"
    return (
        (
            f"This command requires a package that is not installed ({name}): "
            f"{describe_install(extra)}."
        ),
        2,
    )
