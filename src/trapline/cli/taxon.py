"""`trapline taxon`: the species list of a project, its import, and the mapping of labels."""

from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.parameters import build_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trapline.wire.taxa import Taxon

app = typer.Typer(
    help=(
        "Manage the species list of a project, from which people identify.\n\n"
        "`trapline taxon import FILE` imports a list; `trapline taxon label` maps a label of a "
        "model to a taxon."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
InProject = Annotated[
    str | None, typer.Option("--project", help="Name or ID; not needed if you have one project.")
]
Named = Annotated[str, typer.Argument(metavar="TAXON", help="Scientific name or ID.")]
Author = Annotated[str | None, typer.Option(help="Author and year of the name.")]
RankOf = Annotated[str | None, typer.Option(help="Rank, such as species or family.")]
Common = Annotated[
    list[str] | None,
    typer.Option("--common", help="LANGUAGE=NAME, such as en=puma; may be given several times."),
]
Higher = Annotated[
    list[str] | None,
    typer.Option(
        "--higher", help="RANK=NAME, such as kingdom=Animalia; may be given several times."
    ),
]
GbifKey = Annotated[int | None, typer.Option(min=1, help="Number in the GBIF backbone.")]
SynonymOf = Annotated[
    str | None, typer.Option(help="Accepted name of a synonym: a scientific name or an ID.")
]


@app.command("list")
def list_taxa(
    *,
    project: InProject = None,
    search: Annotated[
        str | None, typer.Option(help="Only taxa with this text in one of their names.")
    ] = None,
    rank: RankOf = None,
    as_json: AsJson = False,
) -> None:
    """List a project's taxa by name: all, or those that match a name.

    Example: `trapline taxon list --search fox`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        found = list(
            iterate(
                server.list_taxa,
                project=resolve_project(server, project).id,
                search=search,
                rank=rank,
            )
        )
    if as_json:
        print_json(found)
        return
    print_table(
        ("scientific name", "rank", "common names", "synonym of", "labels", "GBIF key"),
        [
            (
                it.scientific_name,
                it.rank,
                ", ".join(
                    f"{language}: {'; '.join(names)}" for language, names in it.common_names.items()
                ),
                it.accepted_name,
                ", ".join(it.labels),
                str(it.gbif_key or ""),
            )
            for it in found
        ],
    )


@app.command("add")
def add_taxon(
    name: Annotated[str, typer.Argument(help="Scientific name.")],
    *,
    project: InProject = None,
    author: Author = None,
    rank: RankOf = None,
    common: Common = None,
    higher: Higher = None,
    gbif_key: GbifKey = None,
    synonym_of: SynonymOf = None,
    as_json: AsJson = False,
) -> None:
    """Add a taxon to the species list of a project.

    Example: `trapline taxon add "Vulpes vulpes" --rank species --common "en=red fox" --common
    de=Rotfuchs`
    """
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon
    from trapline.wire.taxa import NewTaxon

    with connect() as server:
        within = resolve_project(server, project).id
        given = _build_fields(author, rank, common, higher, gbif_key) | {
            "project": within,
            "scientific_name": name,
        }
        if synonym_of is not None:
            given["accepted"] = resolve_taxon(server, within, synonym_of).id
        _print_taxon(server.create_taxon(build_request(NewTaxon, given, "taxon")), as_json=as_json)


@app.command("update")
def change_taxon(
    taxon: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="New scientific name.")] = None,
    author: Author = None,
    rank: RankOf = None,
    common: Common = None,
    higher: Higher = None,
    gbif_key: GbifKey = None,
    synonym_of: SynonymOf = None,
    accepted: Annotated[
        bool, typer.Option("--accepted", help="Make it an accepted taxon again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change a taxon; options that are not given stay the same. Common names and higher ranks
    are replaced as a whole.

    Example: `trapline taxon update "Felis concolor" --synonym-of "Puma concolor"`
    """
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon
    from trapline.wire.taxa import TaxonUpdate

    given = _build_fields(author, rank, common, higher, gbif_key)
    if name is not None:
        given["scientific_name"] = name
    if accepted:
        given["accepted"] = None
    with connect() as server:
        within = resolve_project(server, project).id
        if synonym_of is not None:
            given["accepted"] = resolve_taxon(server, within, synonym_of).id
        change = build_request(TaxonUpdate, given, "taxon")
        _print_taxon(
            server.update_taxon(resolve_taxon(server, within, taxon).id, change), as_json=as_json
        )


@app.command("delete")
def delete_taxon(taxon: Named, *, project: InProject = None) -> None:
    """Delete a taxon that no synonym, label or identification refers to.

    Example: `trapline taxon delete "Felis concolor"`
    """
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon

    with connect() as server:
        server.delete_taxon(resolve_taxon(server, resolve_project(server, project).id, taxon).id)
    print("Deleted.")


@app.command("import")
def import_taxa(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A list; - is stdin.")],
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Import a species list: a CSV, a Darwin Core or GBIF table, GBIF keys, or a Darwin Core
    Archive.

    Invalid lines are listed and the others are imported; the same file again changes
    nothing.

    Example: `trapline taxon import species.csv`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        result = server.import_taxa(resolve_project(server, project).id, file.read())
    if as_json:
        print_json(result)
        return
    print(
        f"{result.created} created, {result.updated} changed, {result.unchanged} unchanged, "
        f"{result.refused} refused"
    )
    for problem in result.problems:
        print(f"{problem.where}: {problem.message}")
    if result.ignored_columns:
        print(f"Ignored columns: {', '.join(result.ignored_columns)}")


@app.command("labels")
def list_labels(
    *,
    project: InProject = None,
    unmapped: Annotated[
        bool, typer.Option("--unmapped", help="List labels of images without a taxon.")
    ] = False,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="With --unmapped: map each label to the taxon that has this name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the labels of models with their taxa; --unmapped lists labels without a taxon, with
    suggestions.

    Example: `trapline taxon labels --unmapped`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        within = resolve_project(server, project).id
        if not unmapped:
            mapped = list(iterate(server.list_taxon_labels, project=within))
            if as_json:
                print_json(mapped)
            else:
                print_table(("label", "taxon"), [(it.label, it.scientific_name) for it in mapped])
            return
        found = server.list_unmapped_labels(within)
        called = {it.label: it.taxon_id for it in found if it.taxon_id is not None}
        changed = server.map_labels(within, called).changed if apply else 0
    if as_json:
        print_json(found)
        return
    print_table(
        ("label", "images", "taxon of this name"),
        [(it.label, it.images, it.scientific_name) for it in found],
    )
    if apply:
        print(f"Mapped {changed} labels to the taxa of the same name.")


@app.command("label")
def map_labels(
    label: Annotated[str, typer.Argument(help="Label of a model.")],
    taxon: Annotated[
        str | None,
        typer.Argument(help="Scientific name or ID; without it, the mapping is removed."),
    ] = None,
    *,
    project: InProject = None,
) -> None:
    """Map a label of models to a taxon; without a taxon the mapping is removed.

    Example: `trapline taxon label fox "Vulpes vulpes"`
    """
    from trapline.cli.server_session import connect, resolve_project, resolve_taxon

    with connect() as server:
        within = resolve_project(server, project).id
        meant = None if taxon is None else resolve_taxon(server, within, taxon)
        server.map_labels(within, {label: None if meant is None else meant.id})
    print(f"{label} is mapped to {'no taxon' if meant is None else meant.scientific_name}.")


def _build_fields(
    author: str | None,
    rank: str | None,
    common: "Sequence[str] | None",
    higher: "Sequence[str] | None",
    gbif_key: int | None,
) -> dict[str, object]:
    names: dict[str, list[str]] = {}
    for language, name in _parse_pairs("--common", "LANGUAGE=NAME", common):
        names.setdefault(language, []).append(name)
    ranks = dict(_parse_pairs("--higher", "RANK=NAME", higher))
    given = {
        "authorship": author,
        "rank": rank,
        "common_names": names or None,
        "higher_ranks": ranks or None,
    }
    return {
        key: value for key, value in {**given, "gbif_key": gbif_key}.items() if value is not None
    }


def _parse_pairs(option: str, form: str, values: "Sequence[str] | None") -> list[tuple[str, str]]:
    from trapline.cli.errors import CommandError, ExitCode

    for value in values or ():
        if "=" not in value:
            raise CommandError(f"{option} takes {form}, not {value}.", ExitCode.WRONG_USAGE)
    return [(key, name) for key, _, name in (value.partition("=") for value in values or ())]


def _print_taxon(taxon: "Taxon", *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(taxon)
        return
    print(" ".join(part for part in (taxon.scientific_name, taxon.authorship) if part))
    for language, names in taxon.common_names.items():
        print(f"{language}: {', '.join(names)}")
    for rank, name in taxon.higher_ranks.items():
        print(f"{rank}: {name}")
    if taxon.accepted_name is not None:
        print(f"A synonym of {taxon.accepted_name}.")
