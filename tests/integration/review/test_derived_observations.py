"""Observations in the database are those that the rules define, on random projects."""

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest
from tests.support.adc_client import CLASSIFIER, DETECTOR, make_success, name_now
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import begin

from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.app_context import AppContext
from trapline.server.review.queries.derivation import build_rows, derive_set
from trapline.server.review.queries.observation_inputs import load_inputs
from trapline.server.review.queries.observation_sets import list_active_sets, list_ranks
from trapline.server.review.rules.observations import derive_observations

LABELS = ["animal", "deer", "bobcat", "fox", "person", "car", "bird", "blank", "unknown", None]
FIELDS = (
    "image_id, id, annotation_id, kind, name, label, taxon_id, count, sex, life_stage, behaviour, "
    "individual_id, human, confidence, analysis_id, identification_id, identified_by, "
    "identified_at, needs_review"
)
SCORES = [0.0, 0.1, 0.19, 0.2, 0.45, 0.5, 0.7, 0.95, 1.0, None]


def make_finding(random: Random, number: int, boxes: list[int]) -> dict[str, Any]:
    """Make one random finding as an external pipeline posts it."""
    label, score = random.choice(LABELS), random.choice(SCORES)
    kind = random.choice(["box", "box", "box", "under", "under", "whole", "polygon", "heat"])
    if kind == "box" or (kind == "under" and not boxes):
        x, y = random.choice([0, 10, 100]), random.choice([0, 5])
        boxes.append(number)
        data = {"x_min": x, "y_min": y, "x_max": x + 60, "y_max": y + 50}
        data |= {"image_width": 200, "image_height": 100}
        found: dict[str, Any] = {"annotation_type": "bounding_box", "data": data}
    elif kind == "polygon":
        points = [[x, y] for x, y in ((0, 0), (60, 0), (60, 50))]
        found = {"annotation_type": "segmentation", "data": {"format": "polygon", "points": points}}
    elif kind == "heat":
        found = {"annotation_type": "custom", "data": {"note": "warm"}}
    else:
        top = [{"class": label or "vole", "confidence": 0.5 if score is None else score}]
        found = {"annotation_type": "classification", "data": {"topk": top}}
        if kind == "under":
            found["parent"] = random.choice(boxes)
    return found | {"class_name": label, "confidence": score, "ordering": number}


def find_randomly(random: Random, image_id: str) -> dict[str, Any]:
    """Make the random result of a worker."""
    detections = []
    for _ in range(random.randrange(7)):
        x = random.choice([0.0, 10.0, 100.0])
        classes = [
            {
                "classification": random.choice([one for one in LABELS if one]),
                "labels": None,
                "scores": [random.choice([0.1, 0.5, 0.9])],
                "logits": None,
                "inference_time": 0.1,
                "algorithm": random.choice([CLASSIFIER, DETECTOR]),
                "terminal": random.random() < 0.6,
                "timestamp": name_now(),
            }
            for _ in range(random.randrange(5))
        ]
        detections.append(
            {
                "source_image_id": image_id,
                "bbox": random.choice([{"x1": x, "y1": 0.0, "x2": x + 60, "y2": 50.0}, None]),
                "inference_time": 0.1,
                "algorithm": DETECTOR,
                "timestamp": name_now(),
                "crop_image_url": None,
                "classifications": classes,
                **({"score": random.choice([0.1, 0.2, 0.8])} if random.random() < 0.7 else {}),
            }
        )
    return make_success({"image_id": image_id, "image_url": "http://x/"}, *detections)


async def analyse(field: Field, random: Random) -> None:
    """Let a worker and external pipelines analyse some images, some of them twice."""
    job = await field.run_job()
    for task in await field.lease_all(job):
        if random.random() < 0.7:
            result = find_randomly(random, task["image_id"])
            await field.post(job, [{"reply_subject": task["reply_subject"], "result": result}])
    for image in field.images:
        for model in random.choices(["deer-net", "other-net"], k=random.randrange(3)):
            simulated = {"simulated": True} if random.random() < 0.1 else {}
            outside = await begin(field, image, model_name=model, **simulated)
            boxes: list[int] = []
            found = [make_finding(random, place, boxes) for place in range(random.randrange(5))]
            if found:
                await outside.post(found)
            if random.random() < 0.9:
                ended = await outside.call("POST", "/finalize", {"status": "completed"})
                assert ended.status_code == 200, ended.text


async def identify(field: Field, random: Random, taxa: list[str]) -> list[str]:
    """Identify random boxes and images; returns the ids."""
    made = []
    listed = (await field.call("GET", f"/annotations?project={field.project}&limit=200")).json()
    sequences = await field.ask("select id from sequences order by id")
    for _ in range(16):
        subject: dict[str, Any] = {"images": [str(random.choice(field.images))]}
        if random.random() < 0.3 and sequences:
            subject = {"sequences": [str(random.choice(sequences)[0])]}
        elif random.random() < 0.6 and listed["results"]:
            subject = {"annotations": [random.choice(listed["results"])["id"]]}
        kind = random.choice(["confirm", "correct", "correct", "blank", "unsure", "comment"])
        said: dict[str, Any] = {"kind": kind, **subject}
        if kind == "correct":
            said |= random.choice([{"label": "lynx"}, {"label": "deer"}, {"taxon": taxa[0]}])
            said |= random.choice([{}, {"count": 3}, {"sex": "female"}, {"individual_id": "Bella"}])
            if "annotations" not in subject and random.random() < 0.5:
                said = {"kind": kind, **subject, "taxa": state_taxa(random, taxa)}
            if "sequences" in subject:
                said |= random.choice([{}, {"apply_to": "boxes"}, {"apply_to": "all"}])
        if kind == "comment":
            said = {"kind": kind, "comment": "hm", "images": [str(random.choice(field.images))]}
        answer = await field.call("POST", "/identifications", {"identifications": [said]})
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            made += [one["id"] for one in answer.json()["identifications"]]
    return made


def state_taxa(random: Random, taxa: list[str]) -> list[dict[str, Any]]:
    """State some random taxa with their details."""
    names: list[dict[str, Any]] = [
        {"label": "lynx"},
        {"label": "deer"},
        {"label": "animal"},
        {"taxon": taxa[0]},
    ]
    details: list[dict[str, Any]] = [
        {},
        {"count": 1},
        {"count": 2},
        {"sex": "male"},
        {"individual_id": "Ada"},
    ]
    return [
        random.choice(names) | random.choice(details) for _ in range(random.choice([1, 2, 2, 3]))
    ]


async def make_sequences(field: Field) -> None:
    """Group the images into sequences of three."""
    await field.change(
        "update images set captured_at = captured_at + (n.place / 3) * interval '1 hour' from ("
        "select id, row_number() over (order by captured_at) - 1 as place from images) n "
        "where n.id = images.id"
    )
    while await group_images(field.system, SYSTEM):
        pass
    assert len(await field.ask("select id from sequences")) == 3


async def draw(field: Field, random: Random, taxa: list[str]) -> list[str]:
    """Draw random boxes, some of which supersede boxes of models, and change some; return IDs."""
    path = f"/annotations?project={field.project}&source=model&limit=200"
    listed = (await field.call("GET", path)).json()["results"]
    made: list[str] = []
    for _ in range(10):
        x = random.choice([0, 10, 100])
        corners = {"x_min": x, "y_min": 0, "x_max": x + 60, "y_max": 50}
        new: dict[str, Any] = {"image": str(random.choice(field.images)), "box": corners}
        if random.random() < 0.4 and listed:
            one = random.choice(listed)
            new |= {"image": one["image_id"], "supersedes": one["id"]}
        new |= random.choice([{"label": "deer"}, {"label": "animal"}, {"taxon": taxa[0]}])
        new |= random.choice([{}, {"count": 2}, {"individual_id": "Ada"}])
        answer = await field.call("POST", "/annotations", {"annotations": [new]})
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            made += [one["id"] for one in answer.json()["annotations"]]
    for key in made:
        if random.random() < 0.4:
            change = random.choice([{"label": "fox"}, {"box": corners}, {"count": None}])
            answer = await field.call("PATCH", f"/annotations/{key}", change)
            assert answer.status_code == 200, answer.text
    return made


async def make_taxa(field: Field) -> list[str]:
    """Create a taxon, to which the label "bobcat" is mapped."""
    body = {"project": field.project, "scientific_name": "Lynx rufus", "rank": "species"}
    made = await field.call("POST", "/taxa", body)
    assert made.status_code == 201, made.text
    taxon = made.json()["id"]
    mapped = {"project": field.project, "labels": [{"label": "bobcat", "taxon": taxon}]}
    answer = await field.call("PUT", "/taxa/labels", mapped)
    assert answer.status_code == 200, answer.text
    return [taxon]


async def read_rows(field: Field, set_id: int) -> set[tuple[Any, ...]]:
    rows = await field.ask(f"select {FIELDS} from observations where set_id = %s", set_id)
    return set(rows)


async def compute_rows(field: Field, set_number: int = 0) -> tuple[int, set[tuple[Any, ...]]]:
    """Compute the observations of all images by the rules alone."""
    async with field.system.database.transaction(SYSTEM) as tx:
        of = (await list_active_sets(SYSTEM, tx, field.project))[set_number]
        settings = of.build_settings(await list_ranks(SYSTEM, tx, of))
        rows: set[tuple[Any, ...]] = set()
        for image in await load_inputs(SYSTEM, tx, of, settings, field.images):
            for row in build_rows(image.id, derive_observations(image, settings)):
                rows.add(tuple(row[name] for name in FIELDS.split(", ")))
    return of.id, rows


async def compare(field: Field) -> int:
    """Compare what is stored with the rules, and the class index with what is stored."""
    set_id, expected = await compute_rows(field)
    stored = await read_rows(field, set_id)
    assert stored == expected
    # Images with new labels are derived by the rules themselves; the labels are known now.
    async with field.system.database.transaction(SYSTEM) as tx:
        for of in await list_active_sets(SYSTEM, tx, field.project):
            await derive_set(SYSTEM, tx, of, sorted(field.images))
    assert await read_rows(field, set_id) == expected
    classes = await field.ask(
        "select image_id, class_name, kind, count, confidence, human, needs_review, identified_by "
        "from observed_classes where set_id = %s",
        set_id,
    )
    told: dict[tuple[UUID, str], list[Any]] = {}
    deciders: dict[tuple[UUID, str], set[str | None]] = {}
    for row in stored:
        one = dict(zip(FIELDS.split(", "), row, strict=True))
        entry = told.setdefault(
            (one["image_id"], one["name"]), [one["kind"], 0, 0.0, False, False, None]
        )
        entry[1] += 0 if one["kind"] == "blank" else one["count"] or 1
        entry[2] = max(entry[2], one["confidence"] or 0.0)
        entry[3] |= one["human"]
        entry[4] |= one["needs_review"]
        deciders.setdefault((one["image_id"], one["name"]), set()).add(one["identified_by"])
    for key, people in deciders.items():
        told[key][5] = next(iter(people)) if len(people) == 1 else "several"
    assert {(image, name): rest for image, name, *rest in classes} == told
    return len(stored)


@pytest.mark.parametrize("combines", [True, False])
@pytest.mark.parametrize("seed", range(6))
async def test_stored_observations_are_those_of_the_rules(
    system: AppContext, seed: int, combines: bool
) -> None:
    random = Random(seed)
    field = await make_field(system, images=8)
    await make_sequences(field)
    taxa = await make_taxa(field)
    async with system.database.transaction(SYSTEM) as tx:
        await list_active_sets(SYSTEM, tx, field.project)
    await field.change(
        "update observation_sets set settings = settings || "
        '\'{"class_thresholds": {"fox": 0.5, "bird": 0.1, "Lynx rufus": 0.8}}\' '
        "where project_id = %s",
        field.project,
    )
    if not combines:
        await field.change(
            'update observation_sets set settings = settings || \'{"combines": false, '
            '"detection_threshold": 0, "classification_threshold": 0}\' where project_id = %s',
            field.project,
        )
    await analyse(field, random)
    assert await compare(field) > 0
    before = await compute_rows(field)
    drawn = await draw(field, random, taxa)
    await compare(field)
    made = await identify(field, random, taxa)
    await compare(field)
    drawn += await draw(field, random, taxa)
    await compare(field)
    assert (await compute_rows(field)) != before
    for key in drawn:
        assert (await field.call("DELETE", f"/annotations/{key}")).status_code == 204
    withdrawn = await field.call("POST", "/identifications/withdraw", {"identifications": made})
    assert withdrawn.status_code == 200, withdrawn.text
    await compare(field)
    assert await read_rows(field, before[0]) == before[1], "withdrawing restores exactly"


async def test_deriving_again_changes_nothing(system: AppContext) -> None:
    random = Random(99)
    field = await make_field(system, images=8)
    await make_sequences(field)
    taxa = await make_taxa(field)
    await analyse(field, random)
    await draw(field, random, taxa)
    await identify(field, random, taxa)
    query = "select xmin::text, ctid::text, image_id from observations order by 3, 2"
    stored = await field.ask(query)
    async with field.system.database.transaction(SYSTEM) as tx:
        [of] = await list_active_sets(SYSTEM, tx, field.project)
        await derive_set(SYSTEM, tx, of, sorted(field.images))
    assert await field.ask(query) == stored


async def read_counts(field: Field) -> list[tuple[Any, ...]]:
    return await field.ask(
        "select deployment_id, day, class_name, images, blank, hours from day_counts "
        "order by 1, 2, 3"
    )


async def count_days_again(field: Field) -> None:
    await field.change(
        "insert into dirty_days (project_id, deployment_id, day) "
        "select project_id, deployment_id, day from day_counts where class_name = ''"
    )
    while await update_day_counts(field.system, SYSTEM):
        pass


async def read_counts_again(field: Field) -> list[tuple[Any, ...]]:
    await count_days_again(field)
    assert await field.ask("select 1 from dirty_days") == []
    return await read_counts(field)


async def identify_and_withdraw(field: Field, random: Random, taxa: list[str]) -> None:
    for _ in range(4):
        made = await identify(field, random, taxa)
        some = made[: len(made) // 2]
        answer = await field.call("POST", "/identifications/withdraw", {"identifications": some})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("seed", range(3))
async def test_identifications_change_counts_by_day_in_their_transaction(
    system: AppContext, seed: int
) -> None:
    random = Random(seed)
    field = await make_field(system, images=8)
    await field.change("update images set captured_at = captured_at + random() * interval '2 days'")
    taxa = await make_taxa(field)
    await analyse(field, random)
    before = await read_counts_again(field)
    await identify_and_withdraw(field, random, taxa)
    changed = await read_counts(field)
    assert changed != before
    assert await read_counts_again(field) == changed


WAITING = (
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and wait_event_type = 'Lock'"
)


async def wait_until_waiting(field: Field, count: int) -> None:
    async with asyncio.timeout(60):
        while await field.ask(WAITING) != [(count,)]:
            await asyncio.sleep(0.01)


async def test_a_day_that_is_counted_meanwhile_gets_an_identification_once(
    system: AppContext,
) -> None:
    field = await make_field(system, images=2)
    await field.change("update images set captured_at = '2026-06-01T12:00:00Z'")
    await count_days_again(field)
    said = {"kind": "correct", "images": [str(field.images[0])], "label": "lynx"}
    async with system.database.transaction(SYSTEM) as tx, asyncio.TaskGroup() as tasks:
        # The audit entry is the last that an identification writes.
        await tx.execute("lock table audit in exclusive mode")
        identified = tasks.create_task(
            field.call("POST", "/identifications", {"identifications": [said]})
        )
        await wait_until_waiting(field, 1)
        await field.change(
            "insert into dirty_days (project_id, deployment_id, day) "
            "select project_id, deployment_id, day from day_counts"
        )
        tasks.create_task(update_day_counts(system, SYSTEM))
        await wait_until_waiting(field, 2)
        await tx.execute("rollback")
        assert (await identified).status_code == 201
    counts = await read_counts(field)
    assert [(name, images) for _, _, name, images, _, _ in counts] == [("", 2), ("lynx", 1)]
    assert await read_counts_again(field) == counts
