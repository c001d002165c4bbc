"""`trapline review-set`: lists of items that several people review independently."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.review_sets import ReviewSet

app = typer.Typer(
    help=(
        "Share the review of images between people.\n\n"
        "A review set is a list of sequences or images, handed out so that two people do not "
        "review the same item at the same time."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Named = Annotated[str, typer.Argument(metavar="SET", help="Name or ID of the review set.")]
People = Annotated[
    list[str] | None,
    typer.Option(
        "--person", metavar="MEMBER", help="E-mail address, name or ID of a member; repeatable."
    ),
]


@app.command("list")
def list_review_sets(
    *,
    project: InProject = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="Only sets that are assigned to you or open to all.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List review sets with their progress. Requires the reviewer role.

    Example: `trapline review-set list --mine`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        within = resolve_project(server, project).id
        pages = iterate(server.list_review_sets, project_id=within, mine="true" if mine else None)
        found = list(islice(pages, limit))
    print_list(
        found,
        ("name", "unit", "reviews", "done", "items", "yours", "state", "id"),
        lambda it: (
            it.name,
            it.unit,
            it.reviews,
            it.done,
            it.items,
            it.mine,
            "closed" if it.closed_at else "open",
            it.id,
        ),
        as_json=as_json,
    )


@app.command("create")
def create_review_set(
    name: Annotated[str, typer.Argument(help="Name of the set.")],
    *,
    project: InProject = None,
    unit: Annotated[str, typer.Option(help="Items: sequence or image.")] = "sequence",
    reviews: Annotated[
        int, typer.Option(min=1, max=5, help="Independent reviews of each item.")
    ] = 1,
    person: People = None,
    order: Annotated[
        str, typer.Option(help="-captured_at (newest first), captured_at, or random.")
    ] = "-captured_at",
    deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Only images with this class.")
    ] = None,
    needs_review: Annotated[
        bool, typer.Option("--needs-review", help="Only images that need review.")
    ] = False,
    not_reviewed: Annotated[
        bool, typer.Option("--not-reviewed", help="Only images that no person reviewed.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="NAME=VALUE", help="Another filter of `GET /images`; repeatable."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a set of the images that match a filter now. Requires the manager role.

    Without `--person` all reviewers of the project can work on it.

    Example: `trapline review-set create Autumn --not-reviewed --person anna@example.org`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.wire.review_sets import NewReviewSet

    filters: dict[str, str | int | float | None] = _parse_filters(also or [])
    with connect() as server:
        within = resolve_project(server, project)
        if deployment:
            filters["deployment"] = str(resolve_deployment(server, within, deployment).id)
        if class_name:
            filters["class_"] = class_name
        if needs_review:
            filters["needs_review"] = "true"
        if not_reviewed:
            filters["reviewed"] = "false"
        given = {
            "name": name,
            "unit": unit,
            "reviews": reviews,
            "order": order,
            "people": _resolve_people(server, within.id, person or []),
        }
        new = build_request(NewReviewSet, given, "review set")
        made = server.create_review_set(within.id, new, **filters)
    if as_json:
        print_json(made)
        return
    print(f"Created {made.name}: {made.items} items, {made.reviews} reviews of each. ID {made.id}.")


@app.command("show")
def show_review_set(
    named: Named,
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Show the progress of each person, and how often people agree. Requires the manager role.

    Example: `trapline review-set show Autumn`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        found = _resolve_set(server, project, named)
        progress = server.get_review_set_progress(found.project_id, found.id)
    if as_json:
        print_json({"set": found.model_dump(mode="json"), **progress.model_dump(mode="json")})
        return
    print(f"{found.name}: {found.done} of {found.items} items done, {found.reviews} reviews each")
    print_table(
        ("person", "reviewed", "last review", "controls right"),
        [
            (
                one.name,
                one.reviewed,
                one.last_review_at,
                None if one.controls is None else f"{one.controls_right} of {one.controls}",
            )
            for one in progress.people
        ],
    )
    names = {one.user_id: one.name for one in progress.people}
    agreement = progress.agreement
    if agreement.pairs:
        print_table(
            ("first", "second", "items", "equal", "Cohen's kappa"),
            [
                (names[one.first], names[one.second], one.items, f"{one.share:.0%}",
                 None if one.kappa is None else f"{one.kappa:.2f}")
                for one in agreement.pairs
            ],
        )  # fmt: skip
    if agreement.kappa is not None:
        print(f"Fleiss' kappa of {agreement.rated} items: {agreement.kappa:.2f}")


@app.command("update")
def update_review_set(
    named: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    person: People = None,
    everyone: Annotated[
        bool, typer.Option("--all-reviewers", help="Open it to all reviewers.")
    ] = False,
    closed: Annotated[
        bool | None,
        typer.Option("--close/--open", help="A closed set hands out no items."),
    ] = None,
) -> None:
    """Change the name or the people of a set, close it, or open it. Requires the manager role.

    `--person` replaces the people to whom it was assigned.

    Example: `trapline review-set update Autumn --person anna@example.org --person ben@example.org`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import connect
    from trapline.wire.review_sets import ReviewSetUpdate

    if everyone and person:
        raise CommandError("Use either --person or --all-reviewers.", ExitCode.WRONG_USAGE)
    with connect() as server:
        found = _resolve_set(server, project, named)
        given: dict[str, object] = {}
        if name is not None:
            given["name"] = name
        if person or everyone:
            given["people"] = _resolve_people(server, found.project_id, person or [])
        if closed is not None:
            given["closed"] = closed
        change = ReviewSetUpdate.model_validate(given)
        changed = server.update_review_set(found.project_id, found.id, change)
    print(f"Changed {changed.name}.")


@app.command("delete")
def delete_review_set(named: Named, *, project: InProject = None) -> None:
    """Delete a set; the decisions that were made in it are kept. Requires the manager role.

    Example: `trapline review-set delete Autumn`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        found = _resolve_set(server, project, named)
        server.delete_review_set(found.project_id, found.id)
    print(f"Deleted {found.name}. Its decisions are kept.")


@app.command("disagreements")
def list_disagreements(named: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """List items on which people gave different answers. Requires the manager role.

    Example: `trapline review-set disagreements Autumn`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        found = _resolve_set(server, project, named)
        listed = server.list_review_disagreements(found.project_id, found.id).results
    print_list(
        listed,
        ("item", "answers", "image"),
        lambda it: (
            it.position,
            "; ".join(f"{one.name}: {', '.join(one.answer)}" for one in it.answers),
            it.image_id,
        ),
        as_json=as_json,
    )


@app.command("controls")
def list_controls(named: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """List the control items of a set with their known answers. Requires the owner role.

    Example: `trapline review-set controls Autumn`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        found = _resolve_set(server, project, named)
        listed = server.get_review_controls(found.project_id, found.id).results
    print_list(
        listed,
        ("item", "answer", "reviews", "right", "image"),
        lambda it: (it.position, it.answer, it.reviews, it.right, it.image_id),
        as_json=as_json,
    )


@app.command("control")
def set_control(
    named: Named,
    image: Annotated[UUID, typer.Argument(help="ID of an image in the set.")],
    answer: Annotated[
        str | None, typer.Argument(help="The known name, or `blank`; not needed with --remove.")
    ] = None,
    *,
    project: InProject = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Make it an ordinary item again.")
    ] = False,
) -> None:
    """Mark an item as a control item with a known answer. Requires the owner role.

    Every reviewer of the set gets it, without a mark.

    Example: `trapline review-set control Autumn 0190... "Vulpes vulpes"`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import connect
    from trapline.wire.review_sets import ReviewControlAnswer

    if remove is (answer is not None):
        raise CommandError("Give an answer, or --remove.", ExitCode.WRONG_USAGE)
    with connect() as server:
        found = _resolve_set(server, project, named)
        if remove:
            server.remove_review_control(found.project_id, found.id, image)
            print("Removed.")
            return
        known = (
            ReviewControlAnswer(blank=True)
            if answer == "blank"
            else ReviewControlAnswer(label=answer)
        )
        listed = server.set_review_control(found.project_id, found.id, image, known).results
    [marked] = [one for one in listed if one.image_id == image]
    print(f"Marked with the answer {marked.answer}. The set has {len(listed)} control items.")


def _parse_filters(given: list[str]) -> dict[str, str | int | float | None]:
    from trapline.cli.errors import CommandError, ExitCode

    filters: dict[str, str | int | float | None] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise CommandError(f"--filter {one} must be NAME=VALUE.", ExitCode.WRONG_USAGE)
        filters[name] = value
    return filters


def _resolve_people(server: "Trapline", project: int, people: list[str]) -> list[UUID]:
    from trapline.cli.server_session import resolve_one

    members = list(server.list_members(project))
    return [
        resolve_one(members, "member", one, lambda it: (it.user_id, it.name, it.email)).user_id
        for one in people
    ]


def _resolve_set(server: "Trapline", project: str | None, named: str) -> "ReviewSet":
    from trapline.cli.server_session import resolve_one, resolve_project
    from trapline.client import iterate

    within = resolve_project(server, project).id
    listed = iterate(server.list_review_sets, project_id=within)
    return resolve_one(listed, "review-set", named, lambda it: (it.name, it.id))
