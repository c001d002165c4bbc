"""Generate docs/reference/settings.md from the settings: `make settings`."""

import sys
from pathlib import Path

from trapline.server.app.settings import Settings, get_variable_names
from trapline.worker.settings import WorkerSettings

FILE = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"

HEAD = """# Settings

Settings are environment variables, or lines of a `.env` file in the working folder. The environment
takes precedence. Times are in seconds, sizes in bytes, and lists comma-separated.

The server does not start if it finds an unknown name that begins with `TRAPLINE_`, `ML_` or `S3_`.
It reports the nearest known name. Names that Kubernetes creates for a service are ignored.

`make settings` generates this page.
"""


def describe() -> str:
    """Render the table of all settings."""
    lines = [HEAD, "## The server", "", "| variable | default | meaning |", "|---|---|---|"]
    names = get_variable_names()
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{str(field.default).lower()}`"
        lines.append(f"| `{names[name]}` | {default} | {field.description} |")
    lines += ["", "## The worker and the command line", "", "| variable | default |", "|---|---|"]
    for name, field in WorkerSettings.model_fields.items():
        default = (
            ""
            if field.is_required() or field.default_factory or field.default in (None, "")
            else f"`{field.default}`"
        )
        lines.append(f"| `TRAPLINE_{name.upper()}` | {default} |")
    lines += [
        "",
        "Commands use `TRAPLINE_SERVER` and `TRAPLINE_TOKEN`, too.",
        "`trapline simulate` uses `API_BASE_URL` before `TRAPLINE_SERVER`. It signs with",
        "`ML_CALLBACK_HMAC_SECRET`, if it is set. `TRAPLINE_SOURCE_PASSWORD` is the password of a",
        "source for `trapline source add`. `trapline demo` stores photographs in `TRAPLINE_CACHE`.",
        "`TRAPLINE_SAMPLES` names a folder with real images for the tests.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{FILE}\n")
    FILE.write_text(describe(), encoding="utf-8")
