"""Taxa: a list that is edited and that others come into, and labels of models that mean them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success

from trapline.server.operations.queries.project_purge import purge_project
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 2)


async def send(field: Field, text: str) -> dict[str, Any]:
    headers = {"Authorization": f"Token {field.owner}", "Content-Type": "text/csv"}
    address = f"/api/v2/taxa/import?project={field.project}"
    answer = await field.client.post(address, content=text.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def listed(field: Field, **query: Any) -> dict[str, dict[str, Any]]:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    answer = await field.call("GET", f"/taxa?project={field.project}{asked}")
    assert answer.status_code == 200, answer.text
    found = answer.json()["results"]
    assert answer.json()["count"] == len(found)
    return {one["scientific_name"]: one for one in found}


async def make(field: Field, name: str, **told: Any) -> dict[str, Any]:
    answer = await field.call(
        "POST", "/taxa", {"project": field.project, "scientific_name": name, **told}
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


SHEET = """scientific_name,rank,synonym_of,gbif_key,family,common_name_en,common_name_de
Puma concolor,species,,2435099,Felidae,Puma|Cougar,Puma
Felis concolor,species,Puma concolor,,,,
Vulpes vulpes,species,,,Canidae,Red fox,Rotfuchs
Canidae,family,,,,Dogs,
"""


async def test_a_list_comes_in_once_and_only_what_it_tells_anew_is_changed(field: Field) -> None:
    counts = ("created", "updated", "unchanged", "refused")
    taken = await send(field, SHEET)
    assert {name: taken[name] for name in counts} == {
        "created": 4,
        "updated": 0,
        "unchanged": 0,
        "refused": 0,
    }
    before = await listed(field)
    assert before["Felis concolor"]["accepted_name"] == "Puma concolor"
    assert before["Puma concolor"]["synonyms"] == ["Felis concolor"]
    again = await send(field, SHEET)
    assert {name: again[name] for name in counts} == {
        "created": 0,
        "updated": 0,
        "unchanged": 4,
        "refused": 0,
    }
    assert await listed(field) == before

    moved = await send(
        field,
        "scientific_name,synonym_of,gbif_key,common_name_es,colour\n"
        "felis concolor,,2435099,,red\n"
        "Puma concolor,Felis concolor,1,puma,red\n"
        "Lynx lynx,,1,,red\n"
        "Lynx,Nobody,,,red\n",
    )
    assert {name: moved[name] for name in counts} == {
        "created": 0,
        "updated": 2,
        "unchanged": 0,
        "refused": 2,
    }
    assert [problem["where"] for problem in moved["problems"]] == [
        "line 4, gbif_key",
        "line 5, synonym_of",
    ]
    assert moved["ignored_columns"] == ["colour"]
    after = await listed(field)
    assert sorted(after) == ["Canidae", "Puma concolor", "Vulpes vulpes", "felis concolor"]
    assert (after["felis concolor"]["gbif_key"], after["felis concolor"]["accepted_id"]) == (
        2435099,
        None,
    )
    puma = after["Puma concolor"]
    assert (puma["id"], puma["accepted_name"]) == (before["Puma concolor"]["id"], "felis concolor")
    assert puma["common_names"] == {"en": ["Puma", "Cougar"], "de": ["Puma"], "es": ["puma"]}
    assert after["Vulpes vulpes"] == before["Vulpes vulpes"]
    lines = (await field.call("GET", f"/audit?project={field.project}&kind=taxon")).json()[
        "results"
    ]
    assert [line["details"] for line in lines] == [
        {"created": 0, "updated": 2},
        {"created": 4, "updated": 0},
    ]


async def test_an_invalid_list_changes_nothing(field: Field) -> None:
    headers = {"Authorization": f"Token {field.owner}"}
    address = f"/api/v2/taxa/import?project={field.project}"
    for body, words in ((b"name\nfox\n", "scientific_name"), (b"PK\x03\x04no", "unpacked")):
        answer = await field.client.post(address, content=body, headers=headers)
        assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.text
    much = await field.client.post(
        address, content=b"scientific_name\n" + b"a" * (16 << 20), headers=headers
    )
    assert (much.status_code, "16,777,216 bytes" in much.json()["detail"]) == (413, True)
    nul = await send(field, "scientific_name,synonym_of\nVul\x00pes,\nLynx,Ca\x00nis\n")
    assert (nul["created"], nul["refused"]) == (0, 2)
    assert await listed(field) == {}


async def test_a_list_is_long_whether_it_tells_its_length_or_not(field: Field) -> None:
    lines = b"".join(b"Vulpes v%d,%s\n" % (number, b"x" * 120_000) for number in range(100))
    text = b"scientific_name,colour\n" + lines
    assert len(text) > 11 << 20

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), 1 << 20):
            yield text[start : start + (1 << 20)]

    counts = []
    for content in (text, pieces()):
        headers = {"Authorization": f"Token {field.owner}", "Content-Type": "text/csv"}
        address = f"/api/v2/taxa/import?project={field.project}"
        answer = await field.client.post(address, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        counts.append((answer.json()["created"], answer.json()["unchanged"]))
    assert counts == [(100, 0), (0, 100)]


async def test_a_taxon_is_found_by_any_of_its_names(field: Field) -> None:
    await send(field, SHEET)
    for asked, found in (
        ({"search": "PUMA CON"}, ["Puma concolor"]),
        ({"search": "rotf"}, ["Vulpes vulpes"]),
        ({"search": "felis"}, ["Felis concolor", "Puma concolor"]),
        ({"search": "felis", "accepted": "true"}, ["Puma concolor"]),
        ({"accepted": "false"}, ["Felis concolor"]),
        ({"rank": "Family"}, ["Canidae"]),
        ({"search": "%25"}, []),
        ({"search": "wolf"}, []),
    ):
        assert list(await listed(field, **asked)) == found, asked


async def test_a_taxon_is_made_changed_and_deleted(field: Field) -> None:
    puma = await make(
        field, " Puma  concolor ", rank="Species", common_names={"EN": ["cougar", "cougar"]}
    )
    assert (puma["scientific_name"], puma["rank"]) == ("Puma concolor", "species")
    assert puma["common_names"] == {"en": ["cougar"]}
    felis = await make(field, "Felis concolor", accepted=puma["id"], gbif_key=3)
    assert felis["accepted_name"] == "Puma concolor"
    other = await make(field, "Leopardus concolor", accepted=puma["id"])
    new = {"project": field.project, "scientific_name": "Lynx"}
    for status, body in (
        (409, new | {"scientific_name": "PUMA concolor"}),
        (409, new | {"gbif_key": 3}),
        (422, new | {"accepted": felis["id"]}),
        (422, new | {"common_names": {"english": ["x"]}}),
        (422, new | {"scientific_name": "  "}),
        (422, new | {"higher_ranks": {"tribe": "x"}}),
    ):
        refused = await field.call("POST", "/taxa", body)
        assert refused.status_code == status, refused.text
    for status, change in (
        (422, {"accepted": puma["id"]}),
        (422, {"scientific_name": None}),
        (409, {"scientific_name": "felis concolor"}),
    ):
        refused = await field.call("PATCH", f"/taxa/{puma['id']}", change)
        assert refused.status_code == status, refused.text
        assert "Nothing was changed" in refused.json()["detail"]
    assert list(await listed(field)) == ["Felis concolor", "Leopardus concolor", "Puma concolor"]

    # A taxon that becomes a synonym takes its own synonyms along.
    lifted = await field.call("PATCH", f"/taxa/{felis['id']}", {"accepted": None})
    assert lifted.json()["accepted_id"] is None
    await field.call("PATCH", f"/taxa/{puma['id']}", {"accepted": felis["id"], "gbif_key": None})
    found = await listed(field)
    assert found["Felis concolor"]["synonyms"] == ["Leopardus concolor", "Puma concolor"]
    held = await field.call("DELETE", f"/taxa/{felis['id']}")
    assert (held.status_code, "Nothing was deleted" in held.json()["detail"]) == (409, True)
    for gone in (other, puma, felis):
        assert (await field.call("DELETE", f"/taxa/{gone['id']}")).status_code == 204
    assert await listed(field) == {}


async def test_labels_mean_taxa_and_what_was_found_is_found_by_them(field: Field) -> None:
    await field.register()
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    suggestions = f"/taxa/suggestions?project={field.project}"
    unmapped = (await field.call("GET", suggestions)).json()["results"]
    assert unmapped
    label = unmapped[0]["label"]
    assert unmapped[0] == {"label": label, "images": 2, "taxon_id": None, "scientific_name": None}
    taxon = await make(
        field, "Vulpes vulpes", common_names={"en": [label.replace("_", " ").upper()]}
    )
    synonym = await make(field, "Canis vulpes", accepted=taxon["id"])
    away = await make(field, "Meles meles")
    [called, *rest] = (await field.call("GET", suggestions)).json()["results"]
    assert (called["label"], called["scientific_name"]) == (label, "Vulpes vulpes")

    async def put(**meanings: str | None) -> httpx2.Response:
        labels = [{"label": name, "taxon": meant} for name, meant in meanings.items()]
        return await field.call("PUT", "/taxa/labels", {"project": field.project, "labels": labels})

    assert (await put(**{label: synonym["id"], "badger": away["id"]})).json() == {"changed": 2}
    assert (await put(**{label: synonym["id"]})).json() == {"changed": 0}
    told = (await field.call("GET", f"/taxa/labels?project={field.project}")).json()["results"]
    assert {one["label"]: one["scientific_name"] for one in told} == {
        "badger": "Meles meles",
        label: "Canis vulpes",
    }
    assert (await field.call("GET", suggestions)).json()["results"] == rest
    while await build_observations(field.system, SYSTEM):
        pass
    for of, images in ((taxon, 2), (synonym, 2), (away, 0)):
        asked = f"project={field.project}&taxon={of['id']}"
        found = (await field.call("GET", f"/annotations?{asked}")).json()
        assert {one["class_name"] for one in found["results"]} == ({label} if images else set())
        assert len({one["image_id"] for one in found["results"]}) == images
        assert found["count"] == len(found["results"])
        assert (await field.call("GET", f"/images?{asked}")).json()["count"] == images
    held = await field.call("DELETE", f"/taxa/{synonym['id']}")
    assert held.status_code == 409
    assert (await put(**{label: None, "badger": None})).json() == {"changed": 2}
    assert (await field.call("DELETE", f"/taxa/{synonym['id']}")).status_code == 204
    twice = [{"label": "a", "taxon": None}] * 2
    refused = await field.call("PUT", "/taxa/labels", {"project": field.project, "labels": twice})
    assert refused.status_code == 422


async def test_taxa_of_another_project_are_nobodys_accepted_name_or_meaning(
    field: Field, system: AppContext
) -> None:
    """One user owns both projects, so that only the project differs. The database checks it too."""
    other = await make_field(system, 0, name="other")
    await field.change(
        "insert into members (project_id, user_id, role) values (%s, %s, 'owner')",
        other.project,
        field.user_id,
    )
    foreign = await make(other, "Vulpes vulpes")
    for method, path, body in (
        (
            "POST",
            "/taxa",
            {"project": field.project, "scientific_name": "Canis", "accepted": foreign["id"]},
        ),
        (
            "PUT",
            "/taxa/labels",
            {"project": field.project, "labels": [{"label": "fox", "taxon": foreign["id"]}]},
        ),
    ):
        assert (await field.call(method, path, body)).status_code == 404
    assert (await field.call("GET", f"/taxa/{foreign['id']}")).status_code == 200
    await make(field, "Vulpes vulpes")
    with pytest.raises(Exception, match="fk_taxon_labels_project_id_taxon_id"):
        await field.change(
            "insert into taxon_labels (project_id, label, taxon_id) values (%s, 'fox', %s)",
            field.project,
            foreign["id"],
        )


async def test_a_project_goes_with_its_taxa_and_what_leans_on_them(field: Field) -> None:
    """As it goes with its jobs and their pipeline, which such a field has, too."""
    await field.run_job()
    await send(field, SHEET)
    puma = (await listed(field))["Felis concolor"]["accepted_id"]
    meanings = {"project": field.project, "labels": [{"label": "puma", "taxon": puma}]}
    assert (await field.call("PUT", "/taxa/labels", meanings)).json() == {"changed": 1}
    await field.change("delete from images where project_id = %s", field.project)
    async with field.system.database.transaction(Scope.system()) as tx:
        await purge_project(Scope.system(), tx, field.project)
    assert await field.ask(
        "select (select count(*) from taxa), (select count(*) from taxon_labels)"
    ) == [(0, 0)]
