"""Create the taxa of an imported package in the project, and map their names as labels."""

from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.imports.formats.import_records import EntryFault, PackageTaxa
from trapline.server.imports.queries.imports import ImportRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_settings import rebuild_for_names
from trapline.server.review.queries.sensitive_sightings import (
    list_covered_names,
    restart_recording,
)
from trapline.server.review.queries.taxa import list_known_taxa, lock_taxa, upsert_taxa
from trapline.server.review.queries.taxon_labels import list_label_taxa, upsert_labels
from trapline.server.review.rules.taxon_names import TaxonLine, build_import_plan, name_key


async def import_taxa(
    system: AppContext, scope: Scope, row: ImportRow, package: PackageTaxa
) -> list[EntryFault]:
    """Create the taxa of a package that the project does not have; existing taxa are not changed.

    The scientific names of observations become labels of their taxa, unless they are labels
    already. Returns the taxa that could not be created.
    """
    if not package.values and not package.names:
        return []
    lines = [TaxonLine(place, values) for place, values in package.values.items()]
    names = {name_key(line.values["scientific_name"]) for line in lines} | {
        name_key(name) for name in package.names
    }
    gbif_keys = [key for line in lines if (key := line.values.get("gbif_key")) is not None]
    async with system.database.transaction(scope) as tx:
        await lock_taxa(scope, tx, row.project_id)
        known = await list_known_taxa(scope, tx, row.project_id, names, gbif_keys)
        new = [line for line in lines if name_key(line.values["scientific_name"]) not in known]
        named = {name_key(line.values["scientific_name"]) for line in new} | set(known)
        # A name without an entry in the package's list is also a taxon.
        missing = {name_key(name): name for name in package.names if name_key(name) not in named}
        new += [TaxonLine(0, {"scientific_name": name}) for name in missing.values()]
        intake = build_import_plan(new, known)
        ids = {key: uuid7() for key in intake.changed}
        covered = await list_covered_names(scope, tx, row.project_id)
        if ids:
            taxa = {ids[key]: (values, None) for key, (values, _) in intake.changed.items()}
            await upsert_taxa(scope, tx, row.project_id, taxa)
            tx.audit(
                "import",
                "taxon",
                row.project_id,
                row.project_id,
                created=len(ids),
                of_import=str(row.id),
            )
        of_names: dict[str, UUID] = {key: taxon.id for key, taxon in known.items()} | ids
        mapped = await list_label_taxa(scope, tx, row.project_id)
        meanings: dict[str, UUID | None] = {
            name: of_names[name_key(name)]
            for name in package.names
            if name not in mapped and name_key(name) in of_names
        }
        if meanings and await upsert_labels(scope, tx, row.project_id, meanings):
            tx.audit(
                "map",
                "label",
                row.project_id,
                row.project_id,
                changed=len(meanings),
                of_import=str(row.id),
            )
            await rebuild_for_names(scope, tx, row.project_id, labels=meanings)
        elif ids:
            await restart_recording(scope, tx, row.project_id, covered)
    return [
        EntryFault(f"taxonomic {line}", f"its {column} {why}")
        for line, column, why in intake.problems
    ]
