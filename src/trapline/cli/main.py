"""The command line: one module per command group, imported when the group is used."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

NOUNS: dict[str, tuple[str, str]] = {
    # name: (module, the function or typer.Typer in it)
    "up": ("trapline.cli.up", "up"),
    "demo": ("trapline.cli.demo", "demo"),
    "link": ("trapline.cli.link", "link"),
    "migrate": ("trapline.cli.migrate", "migrate"),
    "background": ("trapline.cli.background", "background"),
    "project": ("trapline.cli.project", "app"),
    "deployment": ("trapline.cli.deployment", "app"),
    "taxon": ("trapline.cli.taxon", "app"),
    "sensitive-taxon": ("trapline.cli.sensitive_taxon", "app"),
    "sequence": ("trapline.cli.sequence", "app"),
    "user": ("trapline.cli.user", "app"),
    "token": ("trapline.cli.token", "app"),
    "key": ("trapline.cli.key", "app"),
    "notification": ("trapline.cli.notification", "app"),
    "webhook": ("trapline.cli.webhook", "app"),
    "secrets": ("trapline.cli.secrets", "app"),
    "images": ("trapline.cli.images", "app"),
    "import": ("trapline.cli.imports", "app"),
    "box": ("trapline.cli.box", "app"),
    "identification": ("trapline.cli.identification", "app"),
    "bulk-identification": ("trapline.cli.bulk_identification", "app"),
    "observations": ("trapline.cli.observations", "app"),
    "insights": ("trapline.cli.insights", "app"),
    "disagreement": ("trapline.cli.disagreement", "app"),
    "review-set": ("trapline.cli.review_set", "app"),
    "source": ("trapline.cli.source", "app"),
    "job": ("trapline.cli.job", "app"),
    "analysis": ("trapline.cli.analysis", "app"),
    "pipeline": ("trapline.cli.pipeline", "app"),
    "preset": ("trapline.cli.preset", "app"),
    "export": ("trapline.cli.export", "app"),
    "worker": ("trapline.cli.worker", "app"),
    "register": ("trapline.cli.register", "register"),
    "service": ("trapline.cli.service", "app"),
    "backup": ("trapline.cli.backup", "backup"),
    "restore": ("trapline.cli.restore", "restore"),
    "check": ("trapline.cli.check", "app"),
    "simulate": ("trapline.cli.simulate", "simulate"),
    "version": ("trapline.cli.version", "version"),
}

HELP = """Turn the images of field cameras into verified observations.

**Try it** with real images and a real model:

    trapline demo

**Start the server**, then open the one-time link that it prints:

    trapline up --data /srv/trapline

**Import images**, from a folder or from a server that a camera uploads to:

    trapline images upload DCIM/ --project "Forest edge"
    trapline source add http://camera.local/DCIM/ --create-deployment "Old oak" \\
        --lat 52.5 --lon 13.4 --test

**Run a model** over the images and follow its progress:

    trapline job run animal-detector --project "Forest edge" --follow

**Add a worker on another machine**, with the URL of the server and a token
(`trapline token create --kind worker`):

    TRAPLINE_SERVER=https://trapline.example.org TRAPLINE_TOKEN=tl_worker_... trapline worker

**Invite other people**, each with a role in your project:

    trapline user invite anna@example.org --project "Forest edge" --role reviewer

**Simulate an external pipeline**, a model that runs elsewhere and sends signed results over HTTP:

    trapline simulate --image-id ID

Commands that call a server read its URL from TRAPLINE_SERVER (default: http://localhost:8000) and
the API token from TRAPLINE_TOKEN. With `--json` they print JSON for scripts. Exit codes: 0 done,
1 not done, 2 wrong usage or settings, 3 no response from the server, 4 refused by the server.
"""


class LazyGroup(TyperGroup):
    """Command group that imports the module of a command only when the command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the names of all commands."""
        return [name for name in NOUNS if self.get_command(ctx, name) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - of typer
        """Load a command; return None if no command has this name."""
        if cmd_name not in NOUNS:
            return None
        if cmd_name not in self.commands:
            module, attribute = NOUNS[cmd_name]
            self.commands[cmd_name] = _load(cmd_name, module, attribute)
        return self.commands[cmd_name]


def _load(name: str, module: str, attribute: str) -> Any:
    loaded = getattr(importlib.import_module(module), attribute)
    if not isinstance(loaded, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        single.command(name)(loaded)
        loaded = single
    command = typer.main.get_command(loaded)
    command.name = name
    # Only the whole program installs completion.
    command.params = [
        option
        for option in command.params
        if option.name not in ("install_completion", "show_completion")
    ]
    return command


program = typer.Typer(
    cls=LazyGroup,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@program.callback()
def _root() -> None:
    pass


def app() -> None:
    """Run the command line; print expected errors as one message and set the exit code."""
    from trapline.cli.errors import explain_error

    try:
        program(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        explained = explain_error(error)
        if explained is None:
            raise
        message, code = explained
        print(f"trapline: {message}", file=sys.stderr)
        sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run the command line with these arguments, in a process of the supervisor."""
    sys.argv = ["trapline", *arguments]
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    app()
