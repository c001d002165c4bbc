"""Options that many commands take."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InProject = Annotated[
    str | None,
    typer.Option("--project", help="Name or ID of the project; optional if you have only one."),
]
