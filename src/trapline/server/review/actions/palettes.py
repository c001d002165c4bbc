"""Show and change the species palette of a project."""

from collections.abc import Sequence
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import PreconditionFailed, Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.observations import count_observed_names
from trapline.server.review.queries.palettes import (
    find_palette_time,
    list_named_taxa,
    list_pinned,
    replace_pinned,
)
from trapline.server.review.queries.taxa import lock_taxa
from trapline.server.review.rules.palettes import NamedSpecies, fill_palette
from trapline.server.review.rules.taxon_names import name_key
from trapline.wire.palettes import Palette, PaletteSpecies, PaletteUpdate, PinnedSpecies

MOST_FREQUENT = 100
"""The number of observed names among which the species of free keys are chosen."""


async def get_palette(system: AppContext, scope: Scope, project_id: int) -> Palette:
    """Show the species of the keys of a project. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        return await _build(scope, tx, project_id)


async def update_palette(
    system: AppContext, scope: Scope, project_id: int, wanted: PaletteUpdate
) -> Palette:
    """Replace the pinned keys of a project.

    Raises:
        PreconditionFailed: the palette was changed after the caller read it.
        Unprocessable: a taxon is unknown, or two keys have the same species.
    """
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        await lock_taxa(scope, tx, project_id)
        changed_at = await find_palette_time(scope, tx, project_id)
        if changed_at is not None:
            scope.check_unchanged(changed_at)
        elif scope.origin.if_match not in {None, "*"}:
            raise PreconditionFailed("No key of this project is pinned. Nothing was changed.")
        await _validate_taxa(scope, tx, project_id, wanted.keys)
        keys = {one.key: (one.taxon, one.label) for one in wanted.keys}
        await replace_pinned(scope, tx, project_id, keys)
        pinned = await list_pinned(scope, tx, project_id)
        _require_different(wanted.keys, pinned)
        names = {str(key): one.name for key, one in pinned.items()}
        tx.audit("change palette", "project", project_id, project_id, keys=names)
        return await _build(scope, tx, project_id)


async def _validate_taxa(
    scope: Scope, tx: Transaction, project_id: int, keys: Sequence[PinnedSpecies]
) -> None:
    wanted = {one.taxon for one in keys if one.taxon is not None}
    _, known = await list_named_taxa(scope, tx, project_id, [], wanted)
    for place, one in enumerate(keys):
        if one.taxon is not None and one.taxon not in known:
            field, fault = f"keys.{place}.taxon", "is not an accepted taxon of this project"
            raise Unprocessable(f"{field} {fault}. Nothing was changed.", [(field, fault)])


def _require_different(given: Sequence[PinnedSpecies], pinned: dict[int, NamedSpecies]) -> None:
    places = {one.key: place for place, one in enumerate(given)}
    seen: dict[str, int] = {}
    for key, one in pinned.items():
        first = seen.setdefault(name_key(one.name), key)
        if first != key:
            field, fault = f"keys.{places[key]}", f"has the same species as key {first}"
            raise Unprocessable(f"{field} {fault}. Nothing was changed.", [(field, fault)])


async def _build(scope: Scope, tx: Transaction, project_id: int) -> Palette:
    pinned = await list_pinned(scope, tx, project_id)
    counted = await count_observed_names(scope, tx, project_id)
    frequent = [name for name, _ in counted[:MOST_FREQUENT]]
    ids: set[UUID] = {one.taxon_id for one in pinned.values() if one.taxon_id is not None}
    by_name, common_names = await list_named_taxa(
        scope, tx, project_id, {name_key(name) for name in frequent}, ids
    )
    species = fill_palette(
        pinned, [NamedSpecies(name, by_name.get(name_key(name))) for name in frequent]
    )
    return Palette(
        project_id=project_id,
        keys=[
            PaletteSpecies(
                key=key,
                name=one.name,
                taxon_id=one.taxon_id,
                common_names=common_names.get(one.taxon_id, {}) if one.taxon_id else {},
                pinned=key in pinned,
            )
            for key, one in species.items()
        ],
        updated_at=await find_palette_time(scope, tx, project_id),
    )
