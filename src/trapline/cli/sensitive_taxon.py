"""`trapline sensitive-taxon`: taxa whose locations are generalised or withheld by role."""

from typing import Annotated

import typer

app = typer.Typer(
    help=(
        "Manage sensitive taxa, whose exact locations are hidden from some roles.\n\n"
        "A deployment with a current observation of a sensitive taxon, of a synonym or of a "
        "descendant shows its location as the strictest rule permits: `exact`, rounded to `0.01` "
        "or `0.1` degrees, or `withheld`."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
InProject = Annotated[
    str | None, typer.Option("--project", help="Name or ID; not needed if you have one project.")
]
Named = Annotated[str, typer.Argument(metavar="TAXON", help="Scientific name or ID.")]
LEVELS = "exact, 0.01, 0.1 or withheld"


@app.command("list")
def list_sensitive_taxa(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List the sensitive taxa of a project.

    Example: `trapline sensitive-taxon list`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_sensitive_taxa(resolve_project(server, project).id).results
    if as_json:
        print_json(found)
        return
    print_table(
        ("scientific name", "visitor", "viewer", "reviewer", "manager"),
        [
            (one.scientific_name, one.visitor, one.viewer, one.reviewer, one.manager)
            for one in found
        ],
    )


@app.command("set")
def set_sensitive_taxon(
    taxon: Named,
    *,
    project: InProject = None,
    visitor: Annotated[
        str | None,
        typer.Option(help=f"For visitors and workers: {LEVELS}; of a new taxon withheld."),
    ] = None,
    viewer: Annotated[
        str | None, typer.Option(help=f"For viewers: {LEVELS}; of a new taxon 0.1.")
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option(help=f"For reviewers: {LEVELS}; of a new taxon 0.1.")
    ] = None,
    manager: Annotated[
        str | None, typer.Option(help=f"For managers: {LEVELS}; of a new taxon exact.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set what each role sees of the locations of a taxon. Requires the owner role.

    The levels of roles that are not given remain as they are.

    Example: `trapline sensitive-taxon set "Diceros bicornis" --viewer withheld --reviewer 0.1`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon
    from trapline.wire.sensitive_taxa import SensitiveTaxonRule

    levels = {"visitor": visitor, "viewer": viewer, "reviewer": reviewer, "manager": manager}
    given = {role: level for role, level in levels.items() if level is not None}
    with connect() as server:
        within = resolve_project(server, project).id
        key = resolve_taxon(server, within, taxon).id
        listed = server.get_sensitive_taxa(within).results
        before = {one.taxon_id: one.model_dump(include=set(levels)) for one in listed}.get(key, {})
        rule = build_request(SensitiveTaxonRule, before | given, "sensitive taxon")
        found = server.set_sensitive_taxon(within, key, rule)
    if as_json:
        print_json(found)
        return
    shown = []
    for role in levels:
        old, new = before.get(role), getattr(found, role)
        change = "" if old in (None, new) else f"{old} -> "
        shown.append(f"{role}s {change}{new}")
    print(f"{found.scientific_name}: {', '.join(shown)}, owners exact")


@app.command("sightings")
def list_sightings(taxon: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """List the deployments that a sensitive taxon restricts. Requires the owner role.

    Overruled images are those whose present observations do not show the taxon. Confirm them, or
    identify the whole image, to lift the restriction. Their IDs are in the output of `--json`.

    Example: `trapline sensitive-taxon sightings "Diceros bicornis"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon

    with connect() as server:
        within = resolve_project(server, project).id
        key = resolve_taxon(server, within, taxon).id
        found = server.get_sensitive_sightings(within, key).results
    if as_json:
        print_json(found)
        return
    print_table(
        ("deployment", "images", "overruled", "first overruled image"),
        [
            (
                one.deployment_name,
                one.images,
                one.overruled,
                one.overruled_images[0] if one.overruled_images else "",
            )
            for one in found
        ],
    )


@app.command("delete")
def delete_sensitive_taxon(taxon: Named, *, project: InProject = None) -> None:
    """Remove a taxon from the list; its locations are exact again. Requires the owner role.

    Example: `trapline sensitive-taxon delete "Diceros bicornis"`
    """
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon

    with connect() as server:
        within = resolve_project(server, project).id
        server.delete_sensitive_taxon(within, resolve_taxon(server, within, taxon).id)
    print("Deleted.")
