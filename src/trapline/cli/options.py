"""Options that many commands take."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
InProject = Annotated[
    str | None, typer.Option("--project", help="Name or id; not needed if you have one project.")
]
