"""Data that visitors of a public project can see, and data that stays private."""

import asyncio
import io
import re
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from PIL import Image
from tests.support.project_with_roles import build_house
from tests.support.public_project import CANARIES, SYSTEM, TAKEN, Visit, make_visit

from trapline.server.app.http.access_table import ACCESS
from trapline.server.findings.rules.people_words import KEPT_BACK, NAMES_PEOPLE
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, build_token_buckets
from trapline.server.platform.store.storage_keys import build_thumbnail_key
from trapline.server.public.queries.public_caches import PublicCaches
from trapline.server.public.queries.public_projects import get_public_project_row


@pytest.fixture
async def visit(system: AppContext, app_client: httpx2.AsyncClient) -> Visit:
    return await make_visit(system, app_client)


async def test_a_project_is_private_until_its_owner_makes_it_public(visit: Visit) -> None:
    project = (
        await visit.client.get(
            f"/api/v2/projects/{visit.house.ids['project_id']}", headers=visit.owner
        )
    ).json()
    assert project["public"] is True
    other = await build_house(visit.system, "private")
    private = await visit.client.get(f"/api/v2/public/projects/{other.ids['project_id']}")
    missing = await visit.client.get("/api/v2/public/projects/987654")
    assert private.status_code == missing.status_code == 404
    assert private.json()["detail"] == missing.json()["detail"]
    viewer = {"Authorization": f"Bearer {visit.house.tokens['viewer']}"}
    path = f"/api/v2/projects/{visit.house.ids['project_id']}"
    assert (
        await visit.client.patch(path, json={"public": False}, headers=viewer)
    ).status_code == 403
    assert (await visit.publish(False, **{"If-Match": '"1.0"'})).status_code == 412
    assert (await visit.client.get(visit.path)).status_code == 200
    audit = await visit.client.get("/api/v2/audit", params={"kind": "project"}, headers=visit.owner)
    assert [entry["details"]["public"] for entry in audit.json()["results"]] == [True]


async def test_unpublished_projects_and_their_images_are_hidden_immediately(visit: Visit) -> None:
    [image] = [
        one
        for one in (await visit.client.get(f"{visit.path}/images")).json()["results"]
        if one["classes"]
    ][:1]
    addresses = [
        visit.path,
        f"{visit.path}/images",
        f"{visit.path}/deployments",
        f"{visit.path}/images/{image['id']}",
    ]
    addresses += [image["thumbnail_url"], image["preview_url"]]
    seen = [await visit.client.get(address) for address in addresses]
    assert [answer.status_code for answer in seen] == [200] * 6
    known = {"If-None-Match": seen[4].headers["etag"]}
    assert (await visit.client.get(image["thumbnail_url"], headers=known)).status_code == 304
    await visit.system.store.delete(build_thumbnail_key(UUID(image["id"]), 320))
    assert (await visit.client.get(image["thumbnail_url"], headers=known)).status_code == 304, (
        "no file is read for it"
    )
    await visit.publish(False)
    after = [await visit.client.get(address, headers=known) for address in addresses]
    assert [answer.status_code for answer in after] == [404] * 6
    await visit.publish(True)
    assert (await visit.client.get(visit.path)).status_code == 200
    await visit.execute(
        "update projects set deleted_at = now() where id = %s", visit.house.ids["project_id"]
    )
    assert (await visit.client.get(visit.path)).status_code == 404


async def test_only_what_was_looked_at_and_shows_nobody_is_shown(visit: Visit) -> None:
    """The image of the project without analysis is not shown."""
    newest_first = visit.images[::-1]
    assert await visit.shown() == newest_first
    first, second, third = visit.images
    for name in (
        "person",
        "Human_adult",
        "mammalia;hominidae;homo;sapiens;human",
        "2 persons",
        "vehicle",
        "CAR",
    ):
        analysis = await visit.find(first, name)
        assert await visit.shown() == [third, second], name
        assert (await visit.client.get(f"{visit.path}/images/{first}")).status_code == 404
        assert (await visit.client.get(f"{visit.path}/images/{first}/file")).status_code == 404
        await visit.execute("delete from analyses where id = %s", analysis)
        await visit.derive(first)
        assert await visit.shown() == newest_first, name
    await visit.find(first, "Mantis", state="completed")
    assert await visit.shown() == newest_first, "a name that only begins alike"
    unknown = await visit.find(first, "perso nal", state="processing")
    assert await visit.shown() == [third, second], "of an analysis that is not completed too"
    await visit.execute("delete from analyses where id = %s", unknown)
    waiting = await visit.find(second, None, state="queued")
    assert await visit.shown() == newest_first, "it was looked at already"
    await visit.execute("update analyses set state = 'queued' where image_id = %s", second)
    assert await visit.shown() == [third, first], "nobody has looked at it to the end"
    await visit.execute(
        "update analyses set state = 'completed' where image_id = %s and id <> %s", second, waiting
    )
    await visit.execute("delete from analyses where id = %s", waiting)
    for tag in ("Private", "hunter"):
        await visit.execute(
            "insert into image_tags (image_id, tag, project_id) values (%s, %s, %s)",
            *(third, tag, visit.house.ids["project_id"]),
        )
        assert await visit.shown() == [second, first]
        await visit.execute("delete from image_tags where tag = %s", tag)
    said = {"kind": "correct", "images": [second], "label": "Homo sapiens"}
    people = [
        (said, [third, first]),
        (said | {"label": "red fox", "comment": "canary tag"}, newest_first),
    ]
    for told, shown in people:
        sent = await visit.client.post(
            "/api/v2/identifications", json={"identifications": [told]}, headers=visit.owner
        )
        assert await visit.shown() == shown, "somebody saw a person where no model did"
        key = {"identifications": [sent.json()["identifications"][0]["id"]]}
        await visit.client.post("/api/v2/identifications/withdraw", json=key, headers=visit.owner)
    deleting = {"images": [second], "reason": "canary deletion"}
    assert (
        await visit.client.post("/api/v2/images/delete", json=deleting, headers=visit.owner)
    ).status_code == 200
    assert await visit.shown() == [third, first]
    await visit.execute("update images set thumbnails_at = null where id = %s", third)
    assert await visit.shown() == [first], "without a picture of ours there is only the original"


async def test_words_for_people_are_known_in_several_languages_and_animals_are_none(
    system: AppContext,
) -> None:
    people = [
        *(
            "motorcyclist",
            "BIKER",
            "fisherman",
            "Fishermen",
            "policeman",
            "policewoman",
            "tourists",
            "farmer",
            "worker",
        ),
        *(
            "soldier",
            "adult",
            "Hombre",
            "mujeres",
            "niño",
            "NIÑA",
            "nino",
            "homme",
            "femme",
            "enfants",
            "Mann",
            "frau",
        ),
        *(
            "Kinder",
            "Radfahrer",
            "vehicle: pickup",
            "SUV",
            "boat",
            "train",
            "snowmobile",
            "Fahrzeug",
            "voiture",
        ),
        *(
            "coche",
            "vehículo",
            "véhicule",
            "Geländefahrzeug",
            "hommes_et_chiens",
            "horseman",
            "old woman",
            "homem",
        ),
    ]
    animals = [
        *(
            "caiman",
            "black caiman",
            "cayman",
            "German shepherd",
            "Doberman",
            "brahman",
            "Hanuman langur",
            "Andaman bat",
        ),
        *(
            "talisman",
            "specimen",
            "fisher",
            "boat-billed heron",
            "boat billed flycatcher",
            "mantis",
            "carnivore",
        ),
        *(
            "adult red deer",
            "caracal",
            "trainbearer",
            "cochevis",
            "kinkajou",
            "manatee",
            "busard",
            "vanellus",
        ),
    ]
    async with system.database.transaction(SYSTEM) as tx:
        for names, are_people in ((people, True), (animals, False)):
            found = await tx.execute(
                "select n from unnest(%s::text[]) n where (n ~* %s) <> %s",
                (names, NAMES_PEOPLE, are_people),
            )
            assert await found.fetchall() == []
        found = await tx.execute(
            "select 'adult' ~* %s, 'private' ~* %s, 'hunter' ~* %s", (KEPT_BACK,) * 3
        )
        assert await found.fetchall() == [(False, True, True)], "a tag may say how old an animal is"


async def test_lists_are_filtered_paged_and_neighbours_are_shown_ones(visit: Visit) -> None:
    first, second, third = visit.images
    await visit.find(third, "badger")
    assert await visit.shown(**{"class": "badger"}) == [third]
    assert await visit.shown(**{"class": "lynx"}) == []
    assert await visit.shown(captured_before=(TAKEN + timedelta(hours=1)).isoformat()) == [first]
    assert (
        await visit.shown(deployment=visit.house.ids["deployment_id"], order="captured_at")
        == visit.images
    )
    page = (await visit.client.get(f"{visit.path}/images", params={"limit": 2})).json()
    rest = (
        await visit.client.get(f"{visit.path}/images", params={"limit": 2, "cursor": page["next"]})
    ).json()
    assert [one["id"] for one in page["results"] + rest["results"]] == [third, second, first]
    await visit.find(second, "person")
    one = (await visit.client.get(f"{visit.path}/images/{third}")).json()
    assert (one["previous_id"], one["next_id"]) == (first, None)
    visit.system.part(PublicCaches).figures.delete(lambda _: True)
    for query, count, estimated in (
        ({"deployment": visit.house.ids["deployment_id"]}, 2, False),
        ({"captured_after": (TAKEN - timedelta(hours=1)).isoformat()}, 1, True),
    ):
        several = (
            await visit.client.get(f"{visit.path}/images", params={"limit": 1, **query})
        ).json()
        assert several["next"]
        assert (several["count"], several["count_is_estimate"]) == (count, estimated), query
    assert await visit.shown(**{"class": "red fox"}) == [first], "the newest analysis counts"
    assert {box["class_name"] for box in one["boxes"]} == {"badger"}, "of the newest analysis"
    assert len(await visit.shown()) == 2
    project = (await visit.client.get(visit.path)).json()
    assert (project["images"], project["deployments"]) == (2, 1)
    assert project["classes"] == [
        {"class_name": "badger", "images": 1},
        {"class_name": "red fox", "images": 1},
    ]
    [camera] = (await visit.client.get(f"{visit.path}/deployments")).json()["results"]
    assert (camera["number"], camera["images"]) == (1, 2)
    assert set(camera) == {"id", "number", "time_zone", "images", "last_image_at"}


async def test_no_answer_holds_a_name_a_place_or_what_stands_in_files(visit: Visit) -> None:
    deleting = {"images": [visit.images[2]], "reason": "canary deletion"}
    assert (
        await visit.client.post("/api/v2/images/delete", json=deleting, headers=visit.owner)
    ).status_code == 200
    first = visit.images[0]
    routes = [key.removeprefix("GET ") for key, access in ACCESS.items() if access.public_project]
    answers = []
    for route in routes:
        path = "/api/v2" + route.format(project_id=visit.house.ids["project_id"], image_id=first)
        queries = [{"size": "320"}, {"size": "1280"}] if route.endswith("/file") else [{}]
        answers += [await visit.client.get(path, params=query) for query in queries]
    assert [answer.status_code for answer in answers] == [200] * (len(routes) + 1)
    for answer in answers:
        said = answer.content + str(sorted(answer.headers.items())).encode()
        for canary in CANARIES:
            for form in (
                canary,
                canary.upper(),
                canary.encode("utf-16-le"),
                canary.encode("utf-16-be"),
            ):
                told = form if isinstance(form, bytes) else form.encode()
                assert told not in said, f"{canary} in {answer.url}"
        assert "/files/" not in answer.text
        assert "sha256" not in answer.text
    pictures = [answer for answer in answers if answer.headers["content-type"] == "image/jpeg"]
    assert len(pictures) == 2
    for answer in pictures:
        opened = Image.open(io.BytesIO(answer.content))
        opened.load()
        assert not opened.getexif()
        assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    own = await visit.client.get(f"/api/v2/images/{first}", headers=visit.owner)
    at_all = own.text + (await visit.client.get("/api/v2/deployments", headers=visit.owner)).text
    missing = [one for one in CANARIES if one not in at_all]
    assert {"CANARY_0042.JPG", "Canary Gate", "46.98765", "Canary Artist", "canary-tag"}.isdisjoint(
        missing
    )
    original = await visit.client.get(re.sub("^http://[^/]+", "", own.json()["file_url"]))
    assert b"canary comment" in original.content


async def test_visitors_leave_the_database_to_members(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visit.system.database.transaction(SYSTEM) as tx:
        await get_public_project_row(Scope("visitor"), tx, int(visit.house.ids["project_id"]))
        shown = await tx.execute("show statement_timeout")
        assert await shown.fetchone() == ("2s",)
    monkeypatch.setattr("trapline.server.public.actions.public_projects.WAIT_S", 0.2)
    async with visit.system.visits, visit.system.visits:
        refused = await visit.client.get(visit.path)
        assert refused.status_code == 503
        assert "Too many visitors use public projects" in refused.json()["detail"]
        own = await visit.client.get(
            f"/api/v2/projects/{visit.house.ids['project_id']}", headers=visit.owner
        )
        assert own.status_code == 200
    visit.system.part(PublicCaches).figures.delete(lambda _: True)
    project_id = int(visit.house.ids["project_id"])
    caches = visit.system.part(PublicCaches)
    async with caches.counting[project_id]:
        waiting = asyncio.create_task(visit.client.get(visit.path))
        while not caches.counting[project_id]._waiters:
            await asyncio.sleep(0.01)
        plain = (await visit.client.get(f"{visit.path}/images")).status_code
    assert (plain, (await waiting).status_code) == (200, 200), "a list of one page needs no figures"
    async with caches.counting[project_id + 1]:
        caches.figures.delete(lambda _: True)
        answer = await asyncio.wait_for(visit.client.get(visit.path), 10)
    assert answer.status_code == 200, "a visitor waited for the count of another project"
    caches.figures.delete(lambda _: True)
    async with visit.system.database.transaction(SYSTEM) as tx:
        await tx.execute("lock table observed_classes in access exclusive mode")
        assert (await visit.client.get(visit.path)).status_code == 503
    again = await visit.client.get(visit.path)
    assert (again.status_code, "could not be counted" in again.text) == (503, True)


async def test_a_visitor_is_counted_by_address_whatever_they_bring(visit: Visit) -> None:
    object.__setattr__(visit.system.rates, "strangers", build_token_buckets(0.001))
    ways: list[dict[str, str]] = [
        {},
        {"Cookie": "trapline_session=no"},
        {"Authorization": "Bearer no"},
        visit.owner,
    ]
    for headers in ways:
        answers = [await visit.client.get(visit.path, headers=headers) for _ in range(2)]
        assert answers[-1].status_code == 429, headers
        assert answers[-1].headers["Retry-After"]


async def test_credentials_change_nothing_of_what_is_shown(visit: Visit) -> None:
    plain = (await visit.client.get(f"{visit.path}/images")).json()
    for headers in (visit.owner, {"Authorization": "Bearer no"}, {"Cookie": "trapline_session=no"}):
        assert (await visit.client.get(f"{visit.path}/images", headers=headers)).json() == plain
