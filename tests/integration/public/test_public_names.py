"""Only images whose names are all known animals, or blank, are public.

Names by people replace those of models.
"""

from typing import Any

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success
from tests.support.external_pipeline import begin, box

from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations

PEOPLE = (
    "person", "Person", "people", "human", "humans", "Homo sapiens", "homo_sapiens", "hiker",
    "hunter", "cyclist",
    "mountain biker", "man", "woman", "child", "boy", "girl", "jogger", "runner", "pedestrian",
    "rider", "walker",
    "poacher", "ranger", "tourist", "skier", "climber", "photographer", "dog walker",
    "mushroom picker", "forester",
    "homeless", "passer-by", "somebody", "adult", "teenager", "senior", "crew", "Mensch",
    "Menschen", "Pilzsammler",
    "Wandersmann", "Spaziergängerin", "Fußgänger", "Radler", "Förster", "personne", "homme",
    "femme", "promeneur",
    "randonneuse", "cavalier", "cueilleur", "persona", "caminante", "niño", "pessoa", "ciclista",
    "osoba", "grzybiarz",
    "ihminen", "människa", "wandelaar", "人", "人間", "человек", "грибник", "insan", "άνθρωπος",
    "إنسان", "사람",
    "mammalia;primates;hominidae;homo;sapiens;human",
    "0;mammalia;primates;hominidae;homo;sapiens;human",
    "0;mammalia;primates;hominidae;;;", "0;mammalia;primates;;;;primate",
    "00042_Animalia_Chordata_Homo_sapiens",
    "thing", "unknown", "class 7", "vehicle", "car",
)  # fmt: skip
ANIMALS = (
    "animal", "Bird", "red fox", "RED_FOX", "zebra", "red deer", "wild boar", "timber wolf",
    "moth", "blank", "Empty",
    "5c7ce479-8a45-40b3-ae21-7c97dfae22f5;mammalia;carnivora;canidae;vulpes;vulpes;red fox",
    "1f689929-883d-4dae-958c-3d57ab5b6c16;;;;;;animal",
    "00001_Animalia_Chordata_Mammalia_Carnivora_Canidae_Vulpes_vulpes",
)  # fmt: skip


async def publish(system: AppContext, images: int) -> Field:
    """Make a public project whose images have thumbnails."""
    field = await make_field(system, images)
    await field.change("update images set thumbnails_at = now()")
    assert (
        await field.call("PATCH", f"/projects/{field.project}", {"public": True})
    ).status_code == 200
    return field


async def list_shown(field: Field) -> dict[str, dict[str, Any]]:
    """List what a visitor sees, by the ids of images."""
    answer = await field.client.get(
        f"/api/v2/public/projects/{field.project}/images", params={"limit": 500}
    )
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["results"]}


async def count_shown(field: Field) -> tuple[int, int, dict[str, int]]:
    """Return the counts of the settings page: images shown and hidden, and the unknown classes."""
    told = (await field.call("GET", f"/projects/{field.project}/public_preview")).json()
    return (
        told["shown"],
        told["hidden"],
        {one["class_name"]: one["images"] for one in told["unknown_classes"]},
    )


async def find(
    field: Field, image: int, *found: dict[str, Any], model: str = "detector"
) -> list[str]:
    """Run an external pipeline on an image, and return the ids of its annotations."""
    outside = await begin(field, field.images[image], model_name=model)
    posted = (await outside.post(list(found)))["annotations"] if found else []
    assert (await outside.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    return [one["id"] for one in posted]


async def state(field: Field, **said: Any) -> str:
    """Identify something as the owner; return the ID of the identification."""
    answer = await field.call("POST", "/identifications", {"identifications": [said]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["identifications"][0]["id"])


async def test_every_name_that_is_not_a_known_animal_hides_its_image(system: AppContext) -> None:
    assert len(set(PEOPLE)) >= 41
    names = [*PEOPLE, *ANIMALS]
    field = await publish(system, len(names) + 1)
    job = await field.run_job()
    tasks = {task["image_id"]: task for task in await field.lease_all(job)}
    posted = []
    for name, image in zip(names, field.images, strict=False):
        task = tasks[str(image)]
        detections = success(task)["result"]["detections"]
        for detection in detections:
            for classification in detection["classifications"]:
                classification["classification"] = name
        posted.append(success(task, detections=detections))
    assert set(await field.post(job, posted)) == {"accepted"}
    shown = await list_shown(field)
    assert {
        name for name, image in zip(names, field.images, strict=False) if str(image) in shown
    } == set(ANIMALS)
    count, hidden, unknown = await count_shown(field)
    assert (count, hidden) == (len(ANIMALS), len(PEOPLE) + 1), "one was not analysed"
    assert set(unknown) == set(PEOPLE)


async def test_names_stated_by_people_replace_those_of_models(system: AppContext) -> None:
    field = await publish(system, 4)
    person, fox = await find(field, 0, box(class_name="person"), box(1, class_name="red fox"))
    await find(field, 1, box(class_name="person"))
    [deer] = await find(field, 2, box(class_name="red deer"))
    await find(field, 3, box(class_name="person"))
    await find(field, 3, model="plate-reader")
    images = [str(image) for image in field.images]
    assert set(await list_shown(field)) == {images[2]}
    await state(field, kind="correct", annotations=[person], label="badger")
    whole = await state(field, kind="correct", images=[images[1]], label="wild boar")
    blank = await state(field, kind="blank", images=[images[3]])
    shown = await list_shown(field)
    assert set(shown) == set(images)
    assert [sorted(shown[one]["classes"]) for one in images] == [
        ["badger", "red fox"],
        ["wild boar"],
        ["red deer"],
        [],
    ]
    boxes = [sorted(box["class_name"] for box in shown[one]["boxes"]) for one in images]
    assert boxes == [["badger", "red fox"], [], ["red deer"], []], (
        "the false person is not among them"
    )
    detail = await field.client.get(f"/api/v2/public/projects/{field.project}/images/{images[0]}")
    project = await field.client.get(f"/api/v2/public/projects/{field.project}")
    assert "person" not in detail.text + project.text
    assert {one["class_name"]: one["images"] for one in project.json()["classes"]} == {
        "badger": 1, "red fox": 1, "wild boar": 1, "red deer": 1
    }  # fmt: skip
    await field.call("POST", "/identifications/withdraw", {"identifications": [whole, blank]})
    assert set(await list_shown(field)) == {images[0], images[2]}
    for said in ({"annotations": [deer]}, {"images": [images[2]]}):
        key = await state(field, kind="correct", label="human", **said)
        assert set(await list_shown(field)) == {images[0]}, (
            "a person saw somebody where the model saw a deer"
        )
        await field.call("POST", "/identifications/withdraw", {"identifications": [key]})
    await state(field, kind="unsure", annotations=[fox])
    assert set(await list_shown(field)) == {images[2]}
    assert (await count_shown(field))[:2] == (1, 3)


async def draw(field: Field, image: int, label: str, **more: Any) -> str:
    """Draw a box as the owner; return its ID."""
    corners = {"x_min": 0, "y_min": 0, "x_max": 50, "y_max": 50}
    new = {"image": str(field.images[image]), "box": corners, "label": label, **more}
    answer = await field.call("POST", "/annotations", {"annotations": [new]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["annotations"][0]["id"])


async def test_people_among_several_taxa_and_on_drawn_boxes_hide_an_image(
    system: AppContext,
) -> None:
    field = await publish(system, 3)
    await find(field, 0, box(class_name="red deer"))
    await find(field, 1, box(class_name="red deer"))
    [person] = await find(field, 2, box(class_name="person"))
    images = [str(image) for image in field.images]
    assert set(await list_shown(field)) == set(images[:2])
    both = [{"label": "red deer"}, {"label": "person"}]
    await state(field, kind="correct", images=images[:1], taxa=both)
    drawn = await draw(field, 1, "person")
    assert set(await list_shown(field)) == set()
    await draw(field, 2, "red fox", supersedes=person)
    shown = await list_shown(field)
    assert {key: one["classes"] for key, one in shown.items()} == {images[2]: ["red fox"]}
    assert [one["class_name"] for one in shown[images[2]]["boxes"]] == ["red fox"]
    assert (await field.call("DELETE", f"/annotations/{drawn}")).status_code == 204
    assert set(await list_shown(field)) == set(images[1:])


@pytest.mark.parametrize(
    ("taxon", "shows"),
    [
        ({"scientific_name": "Capreolus capreolus", "higher_ranks": {"kingdom": "Animalia"}}, True),
        ({"scientific_name": "Capreolus capreolus", "higher_ranks": {"class": "Mammalia"}}, True),
        ({"scientific_name": "Vulpes vulpes"}, True),
        ({"scientific_name": "Aves", "rank": "class"}, True),
        ({"scientific_name": "Homo sapiens", "higher_ranks": {"kingdom": "Animalia"}}, False),
        (
            {
                "scientific_name": "Hominidae",
                "higher_ranks": {"kingdom": "Animalia", "class": "Mammalia"},
            },
            False,
        ),
        ({"scientific_name": "Capreolus capreolus"}, False),
        (
            {
                "scientific_name": "Sapiens altaiensis",
                "higher_ranks": {"kingdom": "Animalia", "genus": "Homo"},
            },
            False,
        ),
        ({"scientific_name": "Anna Schmidt"}, False),
        ({"scientific_name": "Anna Schmidt", "higher_ranks": {"genus": "Vulpes"}}, False),
        ({"scientific_name": "Boletus edulis", "higher_ranks": {"class": "Agaricomycetes"}}, False),
        ({"scientific_name": "Boletus edulis", "higher_ranks": {"kingdom": "Fungi"}}, False),
    ],
)
async def test_a_label_is_known_by_the_taxon_that_it_means(
    system: AppContext, taxon: dict[str, Any], shows: bool
) -> None:
    field = await publish(system, 2)
    await find(field, 0, box(class_name="Rehlein"))
    await find(field, 1, box(class_name=taxon["scientific_name"]))
    assert str(field.images[0]) not in await list_shown(field)
    made = await field.call("POST", "/taxa", {"project": field.project, **taxon})
    assert made.status_code == 201, made.text
    assert (str(field.images[1]) in await list_shown(field)) == shows
    mapped = await field.call(
        "PUT",
        "/taxa/labels",
        {"project": field.project, "labels": [{"label": "Rehlein", "taxon": made.json()["id"]}]},
    )
    assert mapped.is_success, mapped.text
    assert len(await list_shown(field)) == (2 if shows else 0)
    said = await state(
        field, kind="correct", images=[str(field.images[0])], taxon=made.json()["id"]
    )
    assert len(await list_shown(field)) == (2 if shows else 0), said


async def test_a_synonym_is_the_animal_that_is_accepted_in_its_place(system: AppContext) -> None:
    field = await publish(system, 2)
    await find(field, 0, box(class_name="Cervus capreolus"))
    await find(field, 1, box(class_name="Cervus capreolus"))
    ids: dict[str, str] = {}
    for name, told in (
        ("Capreolus capreolus", {}),
        ("Cervus capreolus", {"accepted": "Capreolus capreolus"}),
    ):
        body = {"project": field.project, "scientific_name": name} | {
            key: ids[of] for key, of in told.items()
        }
        made = await field.call("POST", "/taxa", body)
        assert made.status_code == 201, made.text
        ids[name] = made.json()["id"]
    await state(field, kind="correct", images=[str(field.images[0])], taxon=ids["Cervus capreolus"])
    assert await list_shown(field) == {}
    changed = await field.call(
        "PATCH", f"/taxa/{ids['Capreolus capreolus']}", {"higher_ranks": {"kingdom": "Animalia"}}
    )
    assert changed.status_code == 200, changed.text
    assert len(await list_shown(field)) == 2
    await field.call(
        "PATCH", f"/taxa/{ids['Cervus capreolus']}", {"higher_ranks": {"kingdom": "Plantae"}}
    )
    assert await list_shown(field) == {}


async def test_a_newer_analysis_does_not_show_an_image_on_which_an_earlier_one_found_a_person(
    system: AppContext,
) -> None:
    field = await publish(system, 5)
    images = [str(image) for image in field.images]
    found = {
        number: await find(field, number, box(class_name=name), box(1, class_name="red fox"))
        for number, name in enumerate(("person", "person", "walker", "red deer", "person"))
    }
    for number in range(5):
        await find(field, number, box(class_name="red fox"))
    assert set(await list_shown(field)) == {images[3]}
    await find(field, 0)
    assert set(await list_shown(field)) == {images[3]}, (
        "a third analysis that finds nothing lifts nothing either"
    )
    await state(field, kind="correct", annotations=[found[0][0]], label="red fox")
    blank = await state(field, kind="blank", images=[images[1]])
    await state(field, kind="correct", images=[images[2]], label="badger")
    shown = await list_shown(field)
    assert set(shown) == {*images[:4]}
    assert "walker" not in str(shown)
    await field.call("POST", "/identifications/withdraw", {"identifications": [blank]})
    assert set(await list_shown(field)) == {images[0], images[2], images[3]}
    # The earlier boxes count, and are not shown.
    assert [box["class_name"] for box in shown[images[3]]["boxes"]] == ["red fox"]
    assert (await count_shown(field))[2].keys() >= {"person"}


async def test_a_word_for_people_hides_its_image_though_it_is_mapped_to_an_animal(
    system: AppContext,
) -> None:
    words = ("person", "hunter", "car")
    field = await publish(system, len(words) + 1)
    for number, word in enumerate(words):
        await find(field, number, box(class_name=word))
    await find(field, len(words), box(class_name="Rehlein"))
    new = {
        "project": field.project,
        "scientific_name": "Capreolus capreolus",
        "higher_ranks": {"kingdom": "Animalia"},
    }
    taxon = (await field.call("POST", "/taxa", new)).json()["id"]
    labels = [{"label": label, "taxon": taxon} for label in (*words, "Rehlein")]
    mapped = await field.call("PUT", "/taxa/labels", {"project": field.project, "labels": labels})
    assert mapped.is_success, mapped.text
    assert set(await list_shown(field)) == {str(field.images[-1])}


async def test_an_analysis_that_states_nothing_shows_no_image(system: AppContext) -> None:
    field = await publish(system, 2)
    await find(field, 0, {"annotation_type": "custom", "data": {"moon": 0.5}})
    await find(field, 1)
    assert set(await list_shown(field)) == {str(field.images[1])}
    await state(field, kind="blank", images=[str(field.images[0])])
    assert len(await list_shown(field)) == 2


async def test_labels_of_a_category_map_are_known_by_its_taxonomy(system: AppContext) -> None:
    field = await publish(system, 3)
    labels = ["pademelon", "visitor b", "sasquatch"]
    data = [
        {"index": 0, "label": "pademelon", "class": "mammalia", "genus": "thylogale"},
        {"index": 1, "label": "visitor b", "class": "mammalia", "genus": "homo"},
        {"index": 2, "label": "sasquatch"},
    ]
    for number, label in enumerate(labels):
        await find(field, number, box(class_name=label))
    assert await list_shown(field) == {}
    categories = {"labels": labels, "data": data}
    algorithm = {
        "name": "Marsupials", "key": "marsupials", "version": 1, "task_type": "classification",
        "category_map": categories,
    }  # fmt: skip
    await field.register(slug="marsupials", name="Marsupials", algorithms=[algorithm])
    assert set(await list_shown(field)) == {str(field.images[0])}


async def test_a_blank_label_of_the_project_shows_its_image(system: AppContext) -> None:
    field = await publish(system, 2)
    nothing = {
        "annotation_type": "classification",
        "class_name": "Leer",
        "confidence": 0.9,
        "data": {"topk": [{"class": "Leer", "confidence": 0.9}]},
    }
    for image in (0, 1):
        await find(field, image, nothing, *([box(class_name="person")] if image else []))
    assert await list_shown(field) == {}
    change = {"blank_labels": ["leer", "person"]}
    path = f"/projects/{field.project}/observation-settings"
    assert (await field.call("PATCH", path, change)).status_code == 200
    while await build_observations(field.system, SYSTEM):
        pass
    assert set(await list_shown(field)) == {str(field.images[0])}, "a word for people hides"
