"""Identifications with several taxa, of images and of sequences."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.api_project import SYSTEM, Field, add_images, make_field, success
from uuid_utils.compat import uuid7

from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.app_context import AppContext

LYNX = {"label": "Lynx lynx", "count": 2, "sex": "female", "individual_id": "Bella"}
HARE = {"label": "hare", "life_stage": "juvenile", "behaviour": "running"}


@dataclass
class Burst:
    """A sequence of three images; a model found an insect with a box on the first two."""

    field: Field
    sequence: str

    @property
    def images(self) -> list[str]:
        return [str(image) for image in self.field.images]

    async def identify(self, *said: dict[str, Any], status: int = 201, key: str = "") -> Any:
        headers = {"Authorization": f"Token {self.field.owner}"}
        if key:
            headers["Idempotency-Key"] = key
        body = {"identifications": list(said)}
        answer = await self.field.client.post("/api/v2/identifications", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()["identifications"] if status == 201 else answer.json()

    async def withdraw(self, *keys: str) -> Any:
        body = {"identifications": list(keys)}
        answer = await self.field.call("POST", "/identifications/withdraw", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        answer = await self.field.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def observe(self) -> dict[str, list[tuple[str, int | None, str, bool]]]:
        """Return name, count, source and whether it is a box, of all observations by image."""
        found = await self.get(f"/observations?project={self.field.project}&limit=200")
        shown: dict[str, list[tuple[str, int | None, str, bool]]] = {}
        for one in found["results"]:
            told = (one["name"], one["count"], one["source"], one["annotation_id"] is not None)
            shown.setdefault(one["image_id"], []).append(told)
        return {image: sorted(ones, key=str) for image, ones in shown.items()}

    async def store(self) -> list[tuple[Any, ...]]:
        """Return the stored observations and the class index."""
        rows = await self.field.ask("select o.*::text from observations o order by 1")
        return rows + await self.field.ask("select c.*::text from observed_classes c order by 1")


@pytest.fixture
async def burst(system: AppContext) -> Burst:
    field = await make_field(system)
    job = await field.run_job()
    tasks = {task["image_id"]: task for task in await field.lease_all(job)}
    first, second, third = (tasks[str(image)] for image in field.images)
    empty = success(third)
    empty["result"] = {**empty["result"], "detections": []}
    await field.post(job, [success(first), success(second), empty])
    while await group_images(field.system, SYSTEM):
        pass
    [(sequence,)] = await field.ask("select distinct sequence_id from images")
    return Burst(field, str(sequence))


async def test_an_image_is_identified_as_several_taxa(burst: Burst) -> None:
    before = await burst.store()
    [made] = await burst.identify(
        {"kind": "correct", "images": burst.images[:1], "taxa": [LYNX, HARE], "comment": "chase"}
    )
    nothing = dict.fromkeys(
        ("taxon_id", "count", "sex", "life_stage", "behaviour", "individual_id")
    )
    assert made["taxa"] == [nothing | LYNX, nothing | HARE]
    assert (made["label"], made["count"], made["individual_id"]) == ("Lynx lynx", 2, "Bella")
    assert (made["sequence_id"], made["statement_id"], made["apply_to"]) == (None, None, None)
    shown = (await burst.observe())[burst.images[0]]
    assert shown == [("Lynx lynx", 2, "human", False), ("hare", None, "human", False)]
    listed = await burst.get(f"/observations?image={burst.images[0]}&individual=Bella")
    assert [(one["sex"], one["identification_id"]) for one in listed["results"]] == [
        ("female", made["id"])
    ]
    assert await burst.get(f"/identifications/{made['id']}") == made
    await burst.withdraw(made["id"])
    assert await burst.store() == before


async def test_a_single_taxon_can_be_given_as_a_list(burst: Burst) -> None:
    path = f"/annotations?project={burst.field.project}&type=bounding_box"
    box = (await burst.get(path))["results"][0]
    of_box = {"kind": "correct", "annotations": [box["id"]]}
    [as_list] = await burst.identify(of_box | {"taxa": [LYNX]})
    [plain] = await burst.identify(of_box | LYNX)
    same = {name: plain[name] for name in plain.keys() - {"id", "created_at"}}
    assert {name: as_list[name] for name in same} == same
    assert [one["label"] for one in plain["taxa"]] == ["Lynx lynx"]
    told = await burst.identify(of_box | {"taxa": [LYNX, HARE]}, status=422)
    assert [one["where"] for one in told["errors"]] == ["identifications.0.taxa"]


async def test_a_sequence_is_identified_and_withdrawn_as_one(burst: Burst) -> None:
    before = await burst.store()
    models = await burst.observe()
    made = await burst.identify({"kind": "correct", "sequences": [burst.sequence], "taxa": [LYNX]})
    assert [one["image_id"] for one in made] == burst.images
    assert {(one["sequence_id"], one["apply_to"]) for one in made} == {(burst.sequence, "boxes")}
    assert len({one["statement_id"] for one in made}) == 1
    first, second, third = burst.images
    shown = await burst.observe()
    assert shown[first] == shown[second] == [("Lynx lynx", 1, "human", True)]
    assert shown[third] == models[third] == [("blank", None, "model", False)]
    found = await burst.get(f"/images?project={burst.field.project}&reviewed=true")
    assert {one["id"] for one in found["results"]} == set(burst.images)
    assert await burst.withdraw(made[1]["id"]) == {"withdrawn": 3, "unchanged": 0}
    assert await burst.withdraw(made[0]["id"]) == {"withdrawn": 0, "unchanged": 3}
    assert await burst.store() == before
    found = await burst.get(f"/images?project={burst.field.project}&reviewed=true")
    assert found["results"] == []


async def test_a_sequence_applies_to_all_images_if_asked(burst: Burst) -> None:
    said = {"kind": "correct", "sequences": [burst.sequence], "taxa": [LYNX, HARE]}
    made = await burst.identify(said | {"apply_to": "all"})
    assert {one["apply_to"] for one in made} == {"all"}
    shown = await burst.observe()
    assert shown[burst.images[2]] == [
        ("Lynx lynx", None, "human", False),
        ("hare", None, "human", False),
    ]
    assert [name for name, *_ in shown[burst.images[0]]] == ["Lynx lynx"]


@pytest.mark.parametrize("kind", ["blank", "unsure", "confirm"])
async def test_other_decisions_apply_to_each_image_of_a_sequence(burst: Burst, kind: str) -> None:
    before = await burst.store()
    models = await burst.observe()
    made = await burst.identify({"kind": kind, "sequences": [burst.sequence]})
    assert [(one["kind"], one["apply_to"]) for one in made] == [(kind, None)] * 3
    shown = await burst.observe()
    if kind == "blank":
        assert set(map(tuple, shown.values())) == {(("blank", None, "human", False),)}
    elif kind == "unsure":
        assert shown == models
        review = await burst.get(f"/observations?project={burst.field.project}&needs_review=true")
        assert {one["image_id"] for one in review["results"]} == set(burst.images)
    else:
        assert [name for ones in shown.values() for name, *_ in ones] == [
            name for ones in models.values() for name, *_ in ones
        ]
        assert {source for ones in shown.values() for _, _, source, _ in ones} == {"human"}
    await burst.withdraw(made[2]["id"])
    assert await burst.store() == before


async def test_a_statement_is_withdrawn_for_images_in_the_trash_too(burst: Burst) -> None:
    made = await burst.identify({"kind": "blank", "sequences": [burst.sequence]})
    deleted = {"images": burst.images[:1], "reason": "x"}
    assert (await burst.field.call("POST", "/images/delete", deleted)).status_code == 200
    assert await burst.withdraw(made[1]["id"]) == {"withdrawn": 3, "unchanged": 0}
    assert await burst.field.ask("select id from images where reviewed") == []
    said = {"kind": "blank", "sequences": [burst.sequence]}
    assert [one["image_id"] for one in await burst.identify(said)] == burst.images[1:]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"taxa": [LYNX | {"count": 0}]}, 422, "identifications.0.taxa.0.count"),
    ({"taxa": [HARE, LYNX | {"count": 1_000_001}]}, 422, "identifications.0.taxa.1.count"),
    ({"label": "hare", "count": 0}, 422, "identifications.0.count"),
    ({"label": "hare", "count": 1_000_001}, 422, "identifications.0.count"),
    ({"taxa": [LYNX, {"taxon": str(uuid7())}]}, 404, "identifications.0.taxa.1.taxon"),
    ({"taxa": [{"count": 1}]}, 422, "identifications.0.taxa.0"),
    ({"taxa": [LYNX | {"taxon": str(uuid7())}]}, 422, "identifications.0.taxa.0"),
    ({"taxa": []}, 422, "identifications.0.taxa"),
    ({"taxa": [LYNX], "label": "hare"}, 422, "identifications.0"),
    ({"taxa": [LYNX], "count": 3}, 422, "identifications.0.count"),
    ({"taxa": [LYNX | {"individual_id": ""}]}, 422, "identifications.0.taxa.0.individual_id"),
    ({"taxa": [LYNX] * 51}, 422, "identifications.0.taxa"),
    ({"kind": "blank", "taxa": [LYNX]}, 422, "identifications.0.taxa"),
    ({"kind": "unsure", "apply_to": "all"}, 422, "identifications.0.apply_to"),
    ({"taxa": [LYNX], "apply_to": "all"}, 422, "identifications.0.apply_to"),
    ({"taxa": [LYNX], "sequences": [str(uuid7())]}, 404, "identifications.0.sequences.0"),
    ({"taxa": [LYNX], "sequences": ["{sequence}"]}, 409, "identifications.0.sequences.0"),
    ({"kind": "comment", "comment": "x", "sequences": ["{sequence}"]}, 422, "0.sequences"),
]


@pytest.mark.parametrize(("wrong", "status", "where"), REFUSED)
async def test_a_refusal_names_the_field_and_stores_nothing(
    burst: Burst, wrong: dict[str, Any], status: int, where: str
) -> None:
    sequences = [one.format(sequence=burst.sequence) for one in wrong.get("sequences", [])]
    said = {"kind": "correct", "images": burst.images[:1], **wrong, "sequences": sequences}
    before = await burst.store()
    fine = {"kind": "blank", "images": burst.images[1:]}
    told = await burst.identify(said, fine, status=status)
    assert where in told["detail"] or where in str(told["errors"]), told
    assert await burst.field.ask("select id from identifications") == []
    assert await burst.store() == before


async def test_a_sequence_of_another_project_does_not_exist(burst: Burst) -> None:
    other = await make_field(burst.field.system, 1, "other")
    answer = await burst.field.call(
        "POST",
        "/identifications",
        {"identifications": [{"kind": "blank", "sequences": [burst.sequence]}]},
        other.owner,
    )
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("identifications.0.sequences.0")


async def test_a_request_with_a_key_is_stored_once(burst: Burst) -> None:
    said = {"kind": "correct", "sequences": [burst.sequence], "taxa": [LYNX, HARE]}
    made = await burst.identify(said, key="once")
    assert await burst.identify(said, key="once") == made
    assert len(await burst.field.ask("select id from identifications")) == 3
    [line] = await burst.field.ask("select details from audit where action = 'identify'")
    assert line[0]["sequences"] == [burst.sequence]
    assert set(line[0]["identifications"]) == {one["id"] for one in made}


async def test_taxa_of_a_list_are_found_and_kept(burst: Burst) -> None:
    body = {"project": burst.field.project, "scientific_name": "Lynx rufus", "rank": "species"}
    taxon = (await burst.field.call("POST", "/taxa", body)).json()
    [made] = await burst.identify(
        {"kind": "correct", "images": burst.images[:1], "taxa": [HARE, {"taxon": taxon["id"]}]}
    )
    assert made["taxa"][1] | {"label": "Lynx rufus", "taxon_id": taxon["id"]} == made["taxa"][1]
    listed = await burst.get(f"/identifications?taxon={taxon['id']}")
    assert [one["id"] for one in listed["results"]] == [made["id"]]
    answer = await burst.field.call("DELETE", f"/taxa/{taxon['id']}")
    assert answer.status_code == 409, "an identification refers to it"


async def test_known_individuals_are_listed(burst: Burst) -> None:
    path = f"/observations/individuals?project={burst.field.project}"
    assert (await burst.get(path))["results"] == []
    rufus = {"label": "Lynx rufus", "individual_id": "Bella"}
    made = await burst.identify(
        {"kind": "correct", "images": burst.images[:1], "taxa": [LYNX, HARE]},
        {"kind": "correct", "images": burst.images[1:2], **rufus},
        {"kind": "correct", "images": burst.images[2:], **HARE, "individual_id": "Ada"},
    )
    ada, bella = (await burst.get(path))["results"]
    assert (ada["individual_id"], ada["names"], ada["images"]) == ("Ada", ["hare"], 1)
    assert (bella["individual_id"], bella["images"]) == ("Bella", 2)
    assert bella["names"] == ["Lynx lynx", "Lynx rufus"]
    assert (bella["first_seen"], bella["last_seen"]) == (
        "2026-06-01T00:00:00Z",
        "2026-06-01T00:01:00Z",
    )
    first = await burst.get(f"{path}&limit=1")
    assert ([one["individual_id"] for one in first["results"]], first["count"]) == (["Ada"], 2)
    rest = await burst.get(f"{path}&limit=1&cursor={first['next']}")
    assert (rest["results"], rest["next"]) == ([bella], None)
    await burst.withdraw(made[2]["id"])
    assert (await burst.get(path))["results"] == [bella]


async def test_a_thousand_identifications_are_one_request(system: AppContext) -> None:
    field = await make_field(system, 0)
    [(deployment,)] = await field.ask("select id from deployments")
    field.images = await add_images(system.database, field.project, deployment, 1000)
    job = await field.run_job()
    tasks = await field.lease_all(job)
    for first in range(0, 1000, 100):
        await field.post(job, [success(task) for task in tasks[first : first + 100]])
    said = [
        {"kind": "correct", "images": [str(image)], "taxa": [LYNX, HARE]} for image in field.images
    ]
    answer = await field.call("POST", "/identifications", {"identifications": said})
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["identifications"]) == 1000
    observed = await field.ask("select count(*) from observations where human")
    assert observed == [(2000,)]
