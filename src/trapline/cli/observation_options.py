"""Options that choose images or observations by what images show."""

from typing import Annotated
from uuid import UUID

import typer

from trapline.wire.images import LARGEST_SEED, ImageOrder
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
ConfidenceMaxOption = Annotated[
    float | None,
    typer.Option(
        "--confidence-max",
        min=0,
        max=1,
        help="Only images with an observation of a model of at most this confidence.",
    ),
]
CommentedOption = Annotated[
    bool | None,
    typer.Option("--commented/--not-commented", help="Only images with, or without, a comment."),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--hours", metavar="FROM-TO", help="Only these hours of the day at the camera: 22-4."
    ),
]
OrderOption = Annotated[ImageOrder, typer.Option("--order", help="Order of the images.")]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Which random order.")
]
ModelClassOption = Annotated[
    str | None,
    typer.Option("--model-class", help="Only images in which a model found this class."),
]


def parse_hours(text: str | None) -> tuple[int | None, int | None]:
    """Parse a range such as `22-4` into its first hour and the hour after its last one.

    Raises:
        CommandError: the text is not a range of hours.
    """
    from trapline.cli.errors import CommandError

    if text is None:
        return None, None
    first, _, end = text.partition("-")
    if not (first.isdecimal() and end.isdecimal() and int(first) < 24 and int(end) <= 24):
        raise CommandError(
            f"--hours {text} is not a range of hours. Write the first hour (0 to 23) and the hour "
            "after the last one (0 to 24), such as 22-4."
        )
    return int(first), int(end)
