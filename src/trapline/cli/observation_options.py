"""Options that choose images or observations by what images show."""

from typing import Annotated
from uuid import UUID

import typer

from trapline.wire.observations import ObservationKind, ObservationSource

KindOption = Annotated[ObservationKind | None, typer.Option("--kind", help="Only this kind.")]
SourceOption = Annotated[
    ObservationSource | None,
    typer.Option("--source", help="Only observations of people, or only of models."),
]
PersonOption = Annotated[
    UUID | None,
    typer.Option("--person", help="Only identified by this user, by ID."),
]
NeedsReviewOption = Annotated[
    bool | None,
    typer.Option("--needs-review/--settled", help="Only those that need review, or only others."),
]
IndividualOption = Annotated[
    str | None, typer.Option("--individual", help="Only this known individual.")
]
CountMinOption = Annotated[
    int | None,
    typer.Option("--count-min", min=1, help="Only observations of at least this many individuals."),
]
ModelClassOption = Annotated[
    str | None,
    typer.Option("--model-class", help="Only images in which a model found this class."),
]
