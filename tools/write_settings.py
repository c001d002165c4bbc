"""Write docs/reference/settings.md from the settings themselves: `make settings`."""

import sys
from pathlib import Path

from trapline.server.app.settings import Settings, get_variable_names
from trapline.worker.settings import WorkerSettings

FILE = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"

HEAD = """# Settings

Settings are environment variables, or lines of a `.env` file in the working folder; the environment wins.
Times are in seconds, sizes in bytes, lists comma-separated. A name that begins with `TRAPLINE_`, `ML_` or `S3_` and
that no part reads stops the start and is told the nearest known one; names that Kubernetes makes for a service are
ignored. This page is written by `make settings`.
"""


def describe() -> str:
    """Describe every setting of this very code."""
    lines = [HEAD, "## The server", "", "| variable | default | what for |", "|---|---|---|"]
    names = get_variable_names()
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{str(field.default).lower()}`"
        lines.append(f"| `{names[name]}` | {default} | {field.description} |")
    lines += ["", "## The worker and the command line", "", "| variable | default |", "|---|---|"]
    for name, field in WorkerSettings.model_fields.items():
        default = (
            ""
            if field.is_required() or field.default_factory or field.default == ""
            else f"`{field.default}`"
        )
        lines.append(f"| `TRAPLINE_{name.upper()}` | {default} |")
    lines += [
        "",
        "`TRAPLINE_SERVER` and `TRAPLINE_TOKEN` are what commands sign in with, too.",
        "`trapline simulate` asks `API_BASE_URL` first, and signs with `ML_CALLBACK_HMAC_SECRET` where it is set.",
        "`TRAPLINE_SOURCE_PASSWORD` is what `trapline source add` takes for the password of a source.",
        "`TRAPLINE_CACHE` is where `trapline demo` keeps photographs.",
        "`TRAPLINE_SAMPLES` names a folder of real pictures for the tests.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{FILE}\n")
    FILE.write_text(describe(), encoding="utf-8")
