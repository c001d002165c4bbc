"""A review set with more items than one page of a list has."""

import asyncio
from collections import Counter

from tests.integration.review.test_review_sets import Camp, Person, join, list_images
from tests.support.api_project import make_field

from trapline.server.platform.app_context import AppContext


async def test_a_set_of_more_than_a_thousand_items_is_handed_out_and_counted_whole(
    system: AppContext,
) -> None:
    field = await make_field(system, 1_030)
    camp = Camp(field, [str(key) for key in field.images])
    people = [await join(camp) for _ in range(2)]
    made = await camp.create("", order="-captured_at")
    assert (made["items"], made["done"]) == (1_030, 0)
    handed: Counter[int] = Counter()

    async def work(by: Person) -> int:
        reviewed = 0
        while True:
            claimed = await camp.claim(made["id"], by, 50)
            if not claimed["items"]:
                return reviewed
            handed.update(item["position"] for item in claimed["items"])
            new = [{"kind": "blank", "images": [key]} for key in list_images(claimed)]
            await camp.call("POST", "/identifications", {"identifications": new}, 201, by)
            reviewed += len(new)

    reviewed = await asyncio.wait_for(asyncio.gather(*map(work, people)), 240)
    assert handed == dict.fromkeys(range(1, 1_031), 1), "each item is handed out once"
    counts = [await camp.get(made["id"], one) for one in people]
    assert [one["mine"] for one in counts] == reviewed
    assert {(one["items"], one["done"], one["open"]) for one in counts} == {(1_030, 1_030, 0)}
    [listed] = (await camp.call("GET", camp.path, by=people[0]))["results"]
    assert (listed["items"], listed["done"]) == (1_030, 1_030)
