"""Commands in the process of the test, without the time in which a process starts."""

import subprocess
from collections.abc import Mapping

from typer.testing import CliRunner

from trapline.cli.errors import explain_error
from trapline.cli.main import program


def call_command(
    settings: Mapping[str, str], *arguments: object, sent: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with these environment variables; return its output and exit code."""
    texts = [str(argument) for argument in arguments]
    done = CliRunner().invoke(program, texts, env=settings, input=sent)
    explained = explain_error(done.exception) if done.exception is not None else None
    if explained is None and done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    message, code = explained or ("", done.exit_code)
    stderr = f"{done.stderr}trapline: {message}\n" if explained else done.stderr
    return subprocess.CompletedProcess(texts, code, done.stdout, stderr)
