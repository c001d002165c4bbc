"""Many annotations: pages of one analysis in any order, short pages in lists, boxes of a grid."""

import random
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import Outside, begin, box

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.cursors import encode_cursor


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


def note(number: int, ordering: int | None, **changes: Any) -> dict[str, Any]:
    """An annotation of the pipeline's own making, another one for each number."""
    return {"annotation_type": "custom", "data": {"number": number}, "ordering": ordering} | changes


async def read_all(outside: Outside, limit: int, filters: str = "") -> list[list[dict[str, Any]]]:
    """Read page after page; every one but the last is full and counts them all."""
    pages: list[dict[str, Any]] = []
    cursor = None
    while cursor is not None or not pages:
        query = f"?limit={limit}{filters}" + (f"&cursor={cursor}" if cursor else "")
        answer = await outside.field.call("GET", f"/analyses/{outside.id}/annotations{query}")
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        cursor = pages[-1]["next"]
    assert [len(page["results"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert {page["count"] for page in pages} == {sum(len(page["results"]) for page in pages)}
    return [page["results"] for page in pages]


def numbers_of(pages: list[list[dict[str, Any]]]) -> list[int]:
    return [one["data"]["number"] for page in pages for one in page]


ORDERINGS: dict[str, list[int | None]] = {
    "mixed": [5, None, 5, -3, None, 5, 2**31 - 1, 0, None, -(2**31), 5, 0, None],
    "all ordered": [3, 1, 2, 1, 3, 1],
    "none ordered": [None] * 7,
    "all the same": [4] * 7,
}


@pytest.mark.parametrize("kind", ORDERINGS)
async def test_pages_of_any_size_bring_each_once_by_ordering_then_as_posted(
    field: Field, kind: str
) -> None:
    orderings = ORDERINGS[kind]
    outside, other = await begin(field), await begin(field)
    await other.post([note(number, number - 5) for number in range(20)] + [note(99, None)])
    await outside.post([note(number, ordering) for number, ordering in enumerate(orderings)])
    ordered = sorted(
        range(len(orderings)), key=lambda at: 2**31 if (place := orderings[at]) is None else place
    )
    for limit in (1, 2, 3, 4, 5, 9, 13, 1000):
        assert numbers_of(await read_all(outside, limit)) == ordered, limit


async def test_filtered_lists_have_the_same_pages(field: Field) -> None:
    chance = random.Random(5)
    posted = [
        note(number, chance.choice([None, 1, 2, 3]), class_name=chance.choice(["deer", "fox"]))
        for number in range(60)
    ]  # fmt: skip
    outside = await begin(field)
    await outside.post(posted)
    whole = numbers_of(await read_all(outside, 1000))
    foxes = [number for number in whole if posted[number]["class_name"] == "fox"]
    assert 10 < len(foxes) < 50
    assert numbers_of(await read_all(outside, 7, "&class=fox")) == foxes


async def test_a_confidence_is_compared_in_the_precision_that_is_kept(field: Field) -> None:
    outside = await begin(field)
    await outside.post(
        [
            note(number, number, confidence=value)
            for number, value in enumerate([0, 1e-50, 0.3, 0.9, 1])
        ]
    )
    for least, found in (
        ("1e-50", 4),
        ("1e-300", 4),
        ("5e-324", 4),
        ("0", 5),
        ("0.3", 3),
        ("0.9", 2),
        ("1", 1),
    ):
        pages = await read_all(outside, 10, f"&confidence_min={least}")
        assert len(pages[0]) == found, least


async def test_a_cursor_that_is_not_ours_is_refused_and_the_outermost_of_ours_are_taken(
    field: Field,
) -> None:
    outside = await begin(field)
    await outside.post([note(1, 1), note(2, None)])
    path = f"/analyses/{outside.id}/annotations?cursor="
    for foreign in (2**31 + 1, 2**62, 2**63, -(2**31) - 1, -(2**63), True, "1", None, 1.5):
        answer = await field.call("GET", path + encode_cursor([foreign, UUID(int=0)]))
        assert (answer.status_code, "cursor" in answer.json()["detail"]) == (400, True), answer.text
    for ordering, found in ((-(2**31), [1, 2]), (2**31 - 1, [2]), (2**31, [2])):
        answer = await field.call("GET", path + encode_cursor([ordering, UUID(int=0)]))
        assert [one["data"]["number"] for one in answer.json()["results"]] == found


async def _read_rest(outside: Outside, shown: dict[str, Any]) -> list[int]:
    numbers = [one["data"]["number"] for one in shown["annotations"]]
    cursor = shown["next"]
    while cursor:
        path = f"/analyses/{outside.id}/annotations?limit=1000&cursor={cursor}"
        page = (await outside.field.call("GET", path)).json()
        numbers += [one["data"]["number"] for one in page["results"]]
        cursor = page["next"]
    return numbers


async def test_lists_bring_a_hundred_of_each_analysis_and_an_image_a_thousand_of_three(
    field: Field,
) -> None:
    # Of 150 the last 70 have no ordering: the first cut lies among those; of the empty one there is
    # nothing to cut.
    sizes = [150, 100, 101, 0, 1100, 99, 150]
    made = []
    for size in sizes:
        outside = await begin(field)
        await outside.post([note(at, None if at >= 80 else 80 - at) for at in range(size)])
        made.append(outside)
    made, sizes = made[::-1], sizes[::-1]
    image = field.images[0]
    path = f"/images/{image}/analyses"
    listed = (await field.call("GET", path)).json()["results"]
    shown = (await field.call("GET", f"/images/{image}")).json()["analyses"]
    alone = [await outside.show() for outside in made]
    longest = {"list": [100] * 7, "image": [1000] * 3 + [100] * 4, "alone": [1000] * 7}
    for kind, analyses in (("list", listed), ("image", shown), ("alone", alone)):
        assert [one["id"] for one in analyses] == [outside.id for outside in made]
        assert [one["annotation_count"] for one in analyses] == sizes
        brought = [min(size, most) for size, most in zip(sizes, longest[kind], strict=True)]
        assert [len(one["annotations"]) for one in analyses] == brought
        assert [one["next"] is None for one in analyses] == [
            size == some for size, some in zip(sizes, brought, strict=True)
        ]
        for outside, size, one in zip(made, sizes, analyses, strict=True):
            expected = [*reversed(range(min(size, 80))), *range(80, size)]
            assert await _read_rest(outside, one) == expected
    first = (await field.call("GET", f"{path}?limit=2")).json()
    assert [len(one["annotations"]) for one in first["results"]] == [100, 99]


async def test_a_cursor_stays_good_while_more_is_posted(field: Field) -> None:
    outside = await begin(field)
    await outside.post([note(number, number * 2) for number in range(5)])
    path = f"/analyses/{outside.id}/annotations?limit=3"
    first = (await field.call("GET", path)).json()
    await outside.post(
        [note(number, number * 2 + 1) for number in range(10, 13)] + [note(9, None), note(8, -1)]
    )
    pages = [first["results"]]
    while cursor := first["next"]:
        first = (await field.call("GET", f"{path}&cursor={cursor}")).json()
        pages.append(first["results"])
    assert numbers_of(pages) == [0, 1, 2, 3, 4, 10, 11, 12, 9]


async def test_a_grid_shows_the_fifty_surest_boxes_of_the_newest_result_of_each_image(
    field: Field,
) -> None:
    counts = [120, 50, 7]
    for image, count in zip(field.images, counts, strict=True):
        older = await begin(field, image)
        await older.post([box(number, confidence=1, class_name="older") for number in range(60)])
        await older.call("POST", "/finalize", {"status": "completed"})
        newer = await begin(field, image)
        unsure = {"annotation_type": "custom", "data": {}, "confidence": 1}
        boxes = [box(number, confidence=((number * 11) % count) / count) for number in range(count)]
        await newer.post([*boxes, box(500, confidence=None), unsure])
        await newer.call("POST", "/finalize", {"status": "completed"})
        await begin(field, image)
    page = (await field.call("GET", f"/images?project={field.project}")).json()
    shown = {image["id"]: image["boxes"] for image in page["results"]}
    for image, count in zip(field.images, counts, strict=True):
        # Below the detection threshold of a new project nothing is an observation.
        surest = [place / count for place in reversed(range(count)) if place / count >= 0.2][:50]
        confidences = [one["confidence"] for one in shown[str(image)]]
        expected: list[float | None] = [*surest, None][:50]
        assert confidences == [
            value if value is None else pytest.approx(value) for value in expected
        ]
        assert {one["class_name"] for one in shown[str(image)]} == {"deer"}
        alone = (await field.call("GET", f"/images/{image}")).json()["boxes"]
        assert alone == shown[str(image)]
