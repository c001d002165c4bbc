"""The species palette of a project: most frequent species, pinned keys, and who may change them."""

from typing import Any

import httpx2
import pytest
from tests.integration.review.test_observation_lists import add_reviewer, add_taxon, analyse, say
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import box

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=6)


async def show(field: Field) -> list[tuple[int, str, bool]]:
    """The keys of the palette with their species, and whether they are pinned."""
    answer = await field.call("GET", f"/projects/{field.project}/palette")
    assert answer.status_code == 200, answer.text
    return [(one["key"], one["name"], one["pinned"]) for one in answer.json()["keys"]]


async def pin(field: Field, *keys: dict[str, Any]) -> httpx2.Response:
    return await field.call("PUT", f"/projects/{field.project}/palette", {"keys": list(keys)})


async def test_free_keys_have_the_most_frequent_species(field: Field) -> None:
    assert await show(field) == []
    deer = await add_taxon(field, "Capreolus capreolus", "roe deer")
    names = {"common_names": {"en": ["Roe deer"], "de": ["Reh"]}}
    assert (await field.call("PATCH", f"/taxa/{deer}", names)).status_code == 200
    for image, label in enumerate(["fox", "roe deer", "roe deer", "fox", "fox", "animal"]):
        await analyse(field, image, box(class_name=label))
    assert await show(field) == [(1, "fox", False), (2, "Capreolus capreolus", False)]

    # A pinned species has one key, and the others move up.
    answer = await pin(field, {"key": 1, "taxon": deer}, {"key": 3, "label": "Lynx"})
    assert answer.status_code == 200, answer.text
    assert await show(field) == [
        (1, "Capreolus capreolus", True),
        (2, "fox", False),
        (3, "Lynx", True),
    ]
    [first, *_] = answer.json()["keys"]
    assert first["taxon_id"] == deer
    assert first["common_names"] == {"de": ["Reh"], "en": ["Roe deer"]}
    # A taxon that becomes a synonym is shown as its accepted taxon.
    accepted = await add_taxon(field, "Capreolus pygargus")
    assert (await field.call("PATCH", f"/taxa/{deer}", {"accepted": accepted})).is_success
    assert (1, "Capreolus pygargus", True) in await show(field)
    assert (await pin(field)).status_code == 200
    assert [pinned for *_, pinned in await show(field)] == [False, False]


async def test_a_palette_is_changed_by_managers_and_refuses_what_is_wrong(field: Field) -> None:
    fox = await add_taxon(field, "Vulpes vulpes")
    token, _ = await add_reviewer(field)
    path = f"/projects/{field.project}/palette"
    wanted = {"keys": [{"key": 1, "taxon": fox}]}
    assert (await field.call("GET", path, token=token)).status_code == 200
    assert (await field.call("PUT", path, wanted, token=token)).status_code == 403
    assert await show(field) == []

    stored = await field.call("PUT", path, wanted)
    assert stored.status_code == 200, stored.text
    version = stored.headers["ETag"]
    assert (await field.call("GET", path)).headers["ETag"] == version
    for keys, status in {
        (("key", 0), ("label", "x")): 422,
        (("key", 10), ("label", "x")): 422,
        (("key", 1),): 422,
        (("key", 1), ("label", "x"), ("taxon", fox)): 422,
        (("key", 1), ("taxon", str(field.images[0]))): 422,
    }.items():
        refused = await pin(field, dict(keys))
        assert refused.status_code == status, (keys, refused.text)
    twice = await pin(field, {"key": 1, "label": "a"}, {"key": 1, "label": "b"})
    assert twice.status_code == 422
    same = await pin(field, {"key": 2, "taxon": fox}, {"key": 7, "label": "vulpes Vulpes"})
    assert same.json()["errors"][0]["where"] == "keys.1", same.text
    assert await show(field) == [(1, "Vulpes vulpes", True)]

    # Two managers who change it at the same time: the second one reads it again first.
    current = {"Authorization": f"Token {field.owner}", "If-Match": version}
    url = f"/api/v2{path}"
    assert (await field.client.put(url, json={"keys": []}, headers=current)).status_code == 200
    assert (await field.client.put(url, json=wanted, headers=current)).status_code == 412
    assert await show(field) == []


async def test_individuals_are_listed_by_name_or_those_identified_last_first(field: Field) -> None:
    for image, name in enumerate(["Nala", "Kito", "Zuri", "Amari"]):
        await say(
            field,
            kind="correct",
            label="Leopard",
            individual_id=name,
            count=1,
            images=[str(field.images[image])],
        )

    async def find(asked: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            answer = await field.call(
                "GET",
                f"/observations/individuals?project={field.project}&limit=1&{asked}{cursor}",
            )
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += [one["individual_id"] for one in page["results"]]
            if page["next"] is None:
                assert page["count"] == len(found)
                return found
            cursor = f"&cursor={page['next']}"

    assert await find("") == ["Amari", "Kito", "Nala", "Zuri"]
    assert await find("order=-identified_at") == ["Amari", "Zuri", "Kito", "Nala"]
    assert await find("order=-identified_at&search=I") == ["Amari", "Zuri", "Kito"]
    assert await find("search=zu") == ["Zuri"]
    wrong = f"/observations/individuals?project={field.project}&order=-identified_at&cursor=WyJhIl0"
    assert (await field.call("GET", wrong)).status_code == 400
