"""Compare the answers of models and people: the pairs of a project, and the matrix of one pair."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.catalogue.queries.answer_filters import count_cells, resolve_pair
from trapline.server.catalogue.queries.image_filters import filter_images, resolve_filter
from trapline.server.catalogue.rules.filters import build_image_filter
from trapline.server.images.queries.images import select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.answer_pairs import count_compared_pairs
from trapline.server.review.queries.observations import list_current_sets
from trapline.wire.disagreements import ComparedPair, ComparedPairs, ConfusionMatrix, MatrixCell
from trapline.wire.image_filters import PEOPLE, ComparisonKind, ImageConditions

MOST_PAIRS, MOST_CELLS = 200, 2000
MODEL = "model:"


async def list_compared_pairs(system: AppContext, scope: Scope, project_id: int) -> ComparedPairs:
    """List the pairs of sources that answered on the same images of a project."""
    async with system.database.transaction(scope) as tx:
        sets = await list_current_sets(scope, tx, project_id)
        found = await count_compared_pairs(scope, tx, project_id, sets)
        shown = found[:MOST_PAIRS]
        names = await _list_names(
            scope, tx, [source for pair, *_ in shown for source in (pair.first, pair.second)]
        )
    pairs = [
        ComparedPair(
            kind=ComparisonKind(pair.kind),
            source_a=pair.first,
            name_a=names[pair.first],
            source_b=pair.second,
            name_b=names[pair.second],
            images=images,
            differ=differ,
            open=is_open,
        )
        for pair, images, differ, is_open in shown
    ]
    return ComparedPairs(pairs=pairs, pairs_left_out=len(found) - len(pairs))


async def get_matrix(
    system: AppContext, scope: Scope, project_id: int, given: ImageConditions, *, deleted: bool
) -> ConfusionMatrix:
    """Count the images of a filter by the answers of two sources. Raises NotFound.

    Without an image that both answered, the matrix is empty.
    """
    wanted = build_image_filter(given, deleted=deleted)
    assert wanted.pair is not None, "the route requires both sources"
    one, other = wanted.pair.source_a, wanted.pair.source_b
    async with system.database.transaction(scope) as tx:
        resolved = await resolve_filter(scope, tx, project_id, replace(wanted, pair=None))
        compared = await resolve_pair(scope, tx, project_id, wanted.pair)
        is_swapped = compared.source_a != one
        images = None
        if wanted != replace(build_image_filter(ImageConditions()), pair=wanted.pair):
            listed = select_images(scope, project_id, deleted=deleted)
            # In no order: a row for each image.
            images = filter_images(listed, replace(resolved, is_by_time=False))
        counted = await count_cells(tx, images, compared, resolved.sets)
        names = await _list_names(scope, tx, (one, other))
    cells = [
        MatrixCell(
            answer_a=second if is_swapped else first,
            answer_b=first if is_swapped else second,
            images=number,
            open=is_open,
            agree=differ == 0,
            filter=given,
        )
        for first, second, number, differ, is_open in counted
    ]
    shown = [
        cell.model_copy(
            update={
                "filter": given.model_copy(
                    update={"answer_a": cell.answer_a, "answer_b": cell.answer_b}
                )
            }
        )
        for cell in cells[:MOST_CELLS]
    ]
    return ConfusionMatrix(
        kind=_get_kind(one, other),
        source_a=one,
        name_a=names[one],
        source_b=other,
        name_b=names[other],
        images=sum(cell.images for cell in cells),
        differ=sum(differ for _, _, _, differ, _ in counted),
        open=sum(cell.open for cell in cells),
        cells=shown,
        cells_left_out=len(cells) - len(shown),
        images_left_out=sum(cell.images for cell in cells[MOST_CELLS:]),
    )


def _get_kind(one: str, other: str) -> ComparisonKind:
    models = one.startswith(MODEL) + other.startswith(MODEL)
    if models == 1:
        return ComparisonKind.MODEL_PEOPLE
    return ComparisonKind.MODELS if models else ComparisonKind.PEOPLE


async def _list_names(scope: Scope, tx: Transaction, sources: Iterable[str]) -> Mapping[str, str]:
    """List the names of sources: of models with their versions, of users as other lists do."""
    given = set(sources)
    people = await list_actor_names(scope, tx, [one for one in given if one.startswith("user:")])
    names = {one: people.get(one) or one.removeprefix(MODEL) for one in given}
    return names | {PEOPLE: "people"}
