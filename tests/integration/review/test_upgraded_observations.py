"""Projects that existed before observations: an upgrade changes no list until settings change."""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from tests.integration.review.test_derived_observations import read_rows
from tests.integration.review.test_observation_builds import build, change
from tests.integration.review.test_observation_lists import analyse, count, say
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import box

from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db import migrations
from trapline.server.review.queries.derivation import derive_set
from trapline.server.review.queries.observation_sets import list_active_sets

BEFORE = "0104"
COUNT_AS_BEFORE = """
delete from day_counts;
insert into day_counts (project_id, deployment_id, day, class_name, images, blank, hours,
        counted_at)
    select project_id, deployment_id, day, name, count(*),
        count(*) filter (where name = '' and blank),
        array(select count(*) filter (where one = hour) from unnest(array_agg(at)) one
            cross join generate_series(0, 23) hour group by hour order by hour), now()
    from (
        select i.project_id, i.deployment_id, (i.captured_at at time zone i.time_zone)::date as day,
            extract(hour from i.captured_at at time zone i.time_zone)::int as at, i.blank, n.name
        from images i cross join lateral (
            select '' as name union all
            select c.class_name from image_classes c where c.image_id = i.id
        ) n
    ) shown group by 1, 2, 3, 4
"""
"""How the version before counted days: by the classes and the blank images of models."""


def return_to(url: str, revision: str) -> None:
    """Return a database to an earlier revision; its data stay."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for name in reversed(migrations.list_revisions()):
                if name > revision:
                    load(name).downgrade()
        connection.exec_driver_sql("update alembic_version set version_num = %s", (revision,))
    engine.dispose()


def load(revision: str) -> Any:
    folder = Path(migrations.__file__).with_name("versions")
    [path] = folder.glob(f"{revision}_*.py")
    return importlib.import_module(f"{migrations.__name__}.versions.{path.stem}")


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def list_shown(url: str, *, earlier: bool = False) -> set[tuple[Any, ...]]:
    """List what each image shows: its classes, or that it is blank."""
    if earlier:
        query = (
            "select image_id, class_name from image_classes union "
            "select id, 'blank' from images where blank"
        )
    else:
        query = (
            "select image_id, class_name from observed_classes c "
            "join projects p on p.observation_set_id = c.set_id where class_name <> ''"
        )
    return set(ask(url, query))


def count_days(url: str) -> set[tuple[Any, ...]]:
    query = "select deployment_id, day, class_name, images, blank, hours from day_counts"
    return {(*row[:5], tuple(row[5])) for row in ask(url, query)}


async def count_changed_days(field: Field) -> None:
    await field.change(
        "insert into dirty_days (project_id, deployment_id, day) "
        "select project_id, deployment_id, day from day_counts where class_name = '' "
        "on conflict do nothing"
    )
    while await update_day_counts(field.system, SYSTEM):
        pass


def class_of_image(name: str, score: float) -> dict[str, Any]:
    top = [{"class": name, "confidence": score}]
    return {
        "annotation_type": "classification", "class_name": name, "confidence": score,
        "data": {"topk": top}, "ordering": 9,
    }  # fmt: skip


async def analyse_as_before(field: Field) -> None:
    """Store findings with low, high and missing scores, of one pipeline and of two."""
    sure, unsure = box(), box(1, class_name="fox", confidence=0.01)
    findings: list[list[list[dict[str, Any]]]] = [
        [[sure, unsure]],
        [[box(confidence=None), box(1, class_name="fox", confidence=0.0)]],
        [[box(class_name="person", confidence=0.05)]],
        [[class_of_image("lynx", 0.02)]],
        [[class_of_image("lynx", 0.3), unsure]],
        [[box(class_name=None, confidence=0.1)]],
        [[class_of_image("blank", 0.9)]],
        [[]],
        [[sure], [box(class_name="bobcat", confidence=0.04)]],
        [[sure], []],
        [[sure]],
        [[sure]],
        [],
    ]
    for image, pipelines in enumerate(findings):
        for found, model in zip(pipelines, ("net", "other-net"), strict=False):
            await analyse(field, image, *found, model=model)
    await analyse(field, 0, box(class_name="wolf", confidence=0.01), unsure)


BLANK = (6, 7)
CORRECTED, CALLED_BLANK = 10, 11


async def test_an_upgrade_changes_only_what_people_decided(
    system: AppContext, database_url: str
) -> None:
    field = await make_field(system, images=13)
    await analyse_as_before(field)
    await say(field, kind="correct", label="moose", images=[str(field.images[CORRECTED])])
    await say(field, kind="blank", images=[str(field.images[CALLED_BLANK])])
    return_to(database_url, BEFORE)
    await field.change(
        "update images set blank = id = any(%s) where id <> %s",
        [field.images[place] for place in BLANK],
        field.images[12],
    )
    await field.change(COUNT_AS_BEFORE)
    shown, days = list_shown(database_url, earlier=True), count_days(database_url)
    counted = Counter(name for _, name in shown)
    assert counted == {
        "wolf": 1, "fox": 3, "deer": 5, "person": 1, "lynx": 2, "blank": 2, "bobcat": 1,
    }  # fmt: skip

    migrations.migrate(database_url)
    assert list_shown(database_url) == shown
    assert count_days(database_url) == days
    groups = await count(field, "name")
    assert {name: images for name, (images, _) in groups.items()} == counted
    await build(field)
    await count_changed_days(field)
    decided = {field.images[CORRECTED]: "moose", field.images[CALLED_BLANK]: "blank"}
    expected = {one for one in shown if one[0] not in decided} | set(decided.items())
    assert list_shown(database_url) == expected
    by_name = {name: images for _, _, name, images, *_ in count_days(database_url)}
    assert by_name.pop("") == len(field.images)
    assert by_name == Counter(name for _, name in expected if name != "blank")
    [blank] = {one[4] for one in count_days(database_url) if one[2] == ""}
    assert blank == len(BLANK) + 1
    settings = await change(field)
    assert (settings["detection_threshold"], settings["classification_threshold"]) == (0, 0)

    [(current,)] = await field.ask("select observation_set_id from projects")
    stored = await read_rows(field, current)
    async with system.database.transaction(SYSTEM) as tx:
        [of] = await list_active_sets(SYSTEM, tx, field.project)
        await derive_set(SYSTEM, tx, of, sorted(field.images))
    assert await read_rows(field, current) == stored
    await change(field, detection_threshold=0.2, classification_threshold=0.5)
    await build(field)
    assert Counter(name for _, name in list_shown(database_url)) == {
        "deer": 3, "moose": 1, "blank": 8,
    }  # fmt: skip
    await change(field, detection_threshold=0, classification_threshold=0)
    await build(field)
    assert list_shown(database_url) == expected


async def test_an_upgrade_lists_a_box_once_by_its_most_specific_name(
    system: AppContext, database_url: str
) -> None:
    field = await make_field(system, images=2)
    deer = class_of_image("deer", 0.01) | {"parent": 0, "ordering": 1}
    await analyse(field, 0, box(class_name="animal"), deer)
    await analyse(field, 1, box(class_name="animal"))
    return_to(database_url, BEFORE)
    first, second = field.images
    before = {(first, "animal"), (first, "deer"), (second, "animal")}
    assert list_shown(database_url, earlier=True) == before
    migrations.migrate(database_url)
    assert list_shown(database_url) == before
    await build(field)
    assert list_shown(database_url) == {(first, "deer"), (second, "animal")}
    assert await count(field, "name") == {"deer": (1, 1), "animal": (1, 1)}
    for name, images in (("animal", {first, second}), ("deer", {first})):
        path = f"/images?project={field.project}&model_class={name}"
        found = (await field.call("GET", path)).json()["results"]
        assert {one["id"] for one in found} == set(map(str, images)), "also by the label of the box"
