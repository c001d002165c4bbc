"""Quality of models over the API, compared with tables that were computed by hand."""

import csv
import io
from hashlib import md5
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from tests.integration.review.test_observation_lists import add_reviewer, say
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import begin, box

from trapline.server.insights.queries.model_answers import draw_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

FIRST, SECOND = "model:eye/1", "model:eye/2"
FOX, DEER, BLANK = "fox", "deer", "blank"
TRUTH = [FOX] * 12 + [DEER] * 4 + [BLANK] * 4
"""The classes that people give to the images."""
FOUND = [FOX] * 10 + [BLANK] * 2 + [FOX] * 1 + [DEER] * 3 + [FOX] * 1 + [BLANK] * 3
"""The classes of the first model: 10 of 12 foxes, and two wrong foxes."""


async def analyse(field: Field, image: UUID, source: str, name: str, score: float) -> None:
    model, _, version = source.removeprefix("model:").partition("/")
    outside = await begin(field, image, model_name=model, model_version=version)
    if name != BLANK:
        await outside.post([{**box(0, class_name=name), "confidence": score}])
    done = await outside.call("POST", "/finalize", {"status": "completed"})
    assert done.status_code == 200, done.text


async def get(field: Field, path: str, **query: Any) -> Any:
    asked = urlencode({"project": field.project, **query}, doseq=True)
    answer = await field.call("GET", f"/insights/{path}?{asked}")
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text)))
    return answer.json()


async def draw(field: Field, expected: int = 201, **new: Any) -> dict[str, Any]:
    path = f"/insights/audit-samples?project={field.project}"
    answer = await field.call("POST", path, new)
    assert answer.status_code == expected, answer.text
    return dict(answer.json())


async def review(field: Field, place: int) -> None:
    """State what an image shows."""
    image, name = str(field.images[place]), TRUTH[place]
    said = {"kind": "blank"} if name == BLANK else {"kind": "correct", "label": name}
    await say(field, **said, images=[image])


async def list_drawn(field: Field, set_id: str) -> list[int]:
    rows = await field.ask("select image_id from review_set_images where set_id = %s", set_id)
    return sorted(field.images.index(image) for (image,) in rows)


@pytest.fixture
async def field(system: AppContext) -> Field:
    field = await make_field(system, images=len(TRUTH))
    for place, image in enumerate(field.images):
        # Scores of 0.30 to 0.68 in the order of images.
        await analyse(field, image, FIRST, FOUND[place], 0.3 + 0.02 * place)
    return field


async def test_a_draw_is_a_run_of_hashes_from_its_start(field: Field, system: AppContext) -> None:
    """The same start draws the same images, and any start can draw any image."""
    await field.change("update analyses set state = 'failed' where image_id = %s", field.images[7])
    hashes = {image: md5(str(image).encode()).hexdigest()[:8] for image in field.images}
    ordered = sorted(field.images, key=lambda image: hashes[image])
    for first in (0, 13):
        start = hashes[ordered[first]]
        scope = Scope.system()
        async with system.database.transaction(scope) as tx:
            drawn = await draw_images(scope, tx, field.project, 20, start)
        turned = [*ordered[first:], *ordered[:first]]
        # The image without a completed analysis is the last one.
        missing = field.images[7]
        assert drawn == [*(one for one in turned if one != missing), missing]


async def test_random_reviews_are_apart_from_others_and_agree_with_the_table(field: Field) -> None:
    empty = await get(field, "model-quality")
    assert (empty["source"], empty["classes"], empty["samples"]) == (None, [], [])
    for place in range(len(TRUTH)):
        await review(field, place)
    found = await get(field, "model-quality")
    assert (found["source"], found["audited"], found["biased"]) == (FIRST, 0, 20)
    classes = {one["name"]: one for one in found["classes"]}
    assert found["classes"][0]["name"] == FOX
    fox = classes[FOX]
    assert fox["precision"] == {"part": 0, "whole": 0, "value": None, "interval": None}
    assert (fox["biased_precision"]["part"], fox["biased_precision"]["whole"]) == (10, 12)
    assert (fox["biased_recall"]["part"], fox["biased_recall"]["whole"]) == (10, 12)
    # Wilson (1927) with z = 1.96: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    assert fox["biased_precision"]["interval"]["low"] == pytest.approx(0.5520, abs=1e-4)
    assert fox["biased_precision"]["interval"]["high"] == pytest.approx(0.9530, abs=1e-4)
    assert fox["biased_f1"]["value"] == pytest.approx(2 * 10 / (2 * 10 + 2 + 2))
    assert (classes[DEER]["biased_recall"]["part"], classes[BLANK]["biased_recall"]["part"]) == (
        3,
        3,
    )
    assert [one["code"] for one in found["notes"]] == ["no_audit_sample"]

    # A sample of all images: reviewed again, they count as random; all others stay biased.
    sample = await draw(field, images=20, name="Audit")
    assert (sample["kind"], sample["unit"], sample["order"]) == ("random_audit", "image", "random")
    assert sample["items"] == 20
    [listed] = (await get(field, "model-quality"))["samples"]
    assert (listed["set_id"], listed["images"], listed["done"]) == (sample["id"], 20, 0)
    for place in range(0, 20, 2):
        await review(field, place)
    found = await get(field, "model-quality")
    assert (found["audited"], found["biased"], found["notes"]) == (10, 10, [])
    [fox] = [one for one in found["classes"] if one["name"] == FOX]
    # Even places: foxes 0 to 10 of which 10 was missed, and the wrong fox of the deer at 12.
    assert [fox[name]["part"] for name in ("precision", "recall", "f1")] == [5, 5, 5]
    assert [fox[name]["whole"] for name in ("precision", "recall", "f1")] == [7, 6, 8]
    assert fox["more_reviews"] > 100
    await draw(field, 422, images=1)

    [place] = found["deployments"]
    # Correct are 5 foxes, 1 deer (14) and 1 blank (18); 10 and 12 and 16 are wrong.
    assert (place["precision"]["part"], place["precision"]["whole"]) == (7, 10)
    assert (place["recall"]["part"], place["images"]) == (7, 20)
    rows = await get(field, "model-quality/table", table="classes")
    assert rows[0]["class"] == FOX
    assert (rows[0]["precision_part"], rows[0]["precision_whole"]) == ("5", "7")
    assert len(await get(field, "model-quality/table", table="reliability")) == 10
    [of_place] = await get(field, "model-quality/table", table="deployments")
    assert of_place["precision_part"] == "7"


async def test_a_sample_of_a_class_counts_for_its_precision_alone(field: Field) -> None:
    await review(field, 0)
    found_foxes = [place for place, name in enumerate(FOUND) if name == FOX]
    sample = await draw(field, images=100, class_name=FOX, source=FIRST)
    assert await list_drawn(field, sample["id"]) == found_foxes
    for place in found_foxes:
        await review(field, place)
    found = await get(field, "model-quality")
    fox = {one["name"]: one for one in found["classes"]}[FOX]
    assert (fox["precision"]["part"], fox["precision"]["whole"]) == (10, 12)
    assert (fox["recall"]["whole"], fox["f1"]["whole"], fox["biased_precision"]["whole"]) == (
        0,
        0,
        0,
    )
    assert [one["code"] for one in found["notes"]] == ["no_audit_sample"]
    await draw(field, 422, images=1, class_name=FOX, source=FIRST)
    await draw(field, 422, images=1, class_name=FOX)
    await draw(field, 422, images=0)
    token, _ = await add_reviewer(field)
    path = f"/insights/audit-samples?project={field.project}"
    assert (await field.call("POST", path, {}, token)).status_code == 403


async def test_confidences_thresholds_and_two_models(field: Field) -> None:
    for place, image in enumerate(field.images):
        # The second model finds every fox, and nothing else.
        name = FOX if TRUTH[place] == FOX else BLANK
        await analyse(field, image, SECOND, name, 0.9)
        await review(field, place)
    curve = await get(field, "reliability", source=FIRST)
    assert (curve["random"], curve["images"]) == (False, 20)
    # Places 0 to 4 have scores from 0.30 to 0.38: five foxes, all correct.
    low = curve["ranges"][3]
    assert (low["correct"]["part"], low["correct"]["whole"]) == (5, 5)
    assert low["mean_confidence"] == pytest.approx(0.34)
    compared = await get(field, "model-comparison", first=FIRST, second=SECOND)
    # The first is correct on 10 foxes, 3 deer and 3 blanks; the second on 12 foxes and 4 blanks.
    assert [compared[name] for name in ("both", "only_first", "only_second", "neither")] == [
        13,
        3,
        3,
        1,
    ]
    assert (compared["images"], compared["p_value"]) == (20, 1.0)
    path = {"source": FIRST, "class": FOX}
    missed = await get(field, "threshold", **path, recall=0.95)
    # Ten of twelve foxes have a box: no threshold keeps 95 %.
    assert (missed["threshold"], missed["class_thresholds"]) == (None, None)
    assert [one["code"] for one in missed["notes"]] == ["no_audit_sample", "no_threshold"]
    found = await get(field, "threshold", **path, recall=0.75)
    # 9 of 12 foxes are kept from a score of 0.32 on, with 2 wrong ones.
    assert found["threshold"] == pytest.approx(0.32)
    assert (found["reached"]["part"], found["reached"]["whole"]) == (9, 12)
    assert (found["precision"]["part"], found["precision"]["whole"]) == (9, 11)
    assert found["class_thresholds"] == {FOX: found["threshold"]}
    changed = await field.call(
        "PATCH",
        f"/projects/{field.project}/observation-settings",
        {"class_thresholds": found["class_thresholds"]},
    )
    assert changed.status_code == 200, changed.text
    again = await get(field, "threshold", **path, recall=0.75)
    assert again["current_threshold"] == found["threshold"]
    unknown = "model:none/1"
    assert (await get(field, "reliability", source=unknown))["images"] == 0
    assert (await get(field, "threshold", **{**path, "source": unknown}))["threshold"] is None
    nothing = await get(field, "model-comparison", first=FIRST, second=unknown)
    assert (nothing["images"], nothing["p_value"]) == (0, None)
    few = await get(field, "threshold", **{**path, "class": DEER})
    assert "at least 10 reviewed images" in few["notes"][-1]["text"]
    for bad, status in (
        ("threshold?source=eye&class=fox", 422),
        (f"threshold?source={FIRST}&class=fox&recall=0", 422),
        ("model-quality?source=none", 422),
        (f"model-quality?deployment={'0' * 8}-0000-7000-8000-{'0' * 12}", 404),
        (f"model-comparison?first={FIRST}&second={FIRST}", 422),
    ):
        answer = await field.call("GET", f"/insights/{bad}&project={field.project}")
        assert answer.status_code == status, bad
