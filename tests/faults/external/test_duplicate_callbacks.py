"""The same callbacks again and again, from everywhere at once: one set of rows, one end."""

import json
import time
from collections import Counter
from functools import partial
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import Speaker, race
from tests.support.fault_run import Figures, sized
from tests.support.fault_scene import Scene

from trapline.client.signing import sign_v1

POSTS = sized(1000)
RACES = sized(500, 20)
THREADS = 32
BOXES = 40


def _make_analysis(scene: Scene, number: int) -> tuple[str, str]:
    owner = Speaker(scene.ports[0], scene.owner)
    image = scene.images[number % len(scene.images)]
    asked = {"image_id": image, "model_name": "deer-net", "model_version": str(number)}
    made = owner.ask("POST", f"/images/{image}/analyses", asked)
    owner.close()
    return made["id"], made["callback_secret"]


def _annotations() -> list[dict[str, Any]]:
    frame = {"image_width": 200, "image_height": 100}
    boxes: list[dict[str, Any]] = [
        {
            "annotation_type": "bounding_box",
            "class_name": "deer",
            "confidence": 0.9,
            "data": {"x_min": number, "y_min": 1, "x_max": number + 9, "y_max": 20, **frame},
            "ordering": number,
        }
        for number in range(BOXES)
    ]
    named = [
        {
            "annotation_type": "classification",
            "class_name": "roe deer",
            "data": {"score": 0.5},
            "parent": number,
        }
        for number in range(BOXES)
    ]
    return named + boxes


def test_the_same_annotations_are_stored_once(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(apis=2).start(images=1)
    analysis, secret = _make_analysis(scene, 0)
    body = json.dumps({"annotations": _annotations()}).encode()

    def post_again(number: int) -> list[Any]:
        speaker = Speaker(scene.ports[number % 2], "")
        told = []
        for post in range(-(-POSTS // THREADS)):
            # Some are signed in the same second, and are one request; the others are known by what
            # they post.
            signed = sign_v1(
                secret,
                body,
                clock=lambda second=post % 5: time.time() - second,  # type: ignore[misc]
            )
            status, said = speaker.call(
                "POST", f"/analyses/{analysis}/annotations:bulk", body, signed
            )
            assert status == 200, said
            told.append(said)
        speaker.close()
        return told

    told = race([partial(post_again, number) for number in range(THREADS)])
    answers = [said for some in told for said in some]
    assert len(answers) >= POSTS
    assert sum(said["created"] for said in answers) == 2 * BOXES
    assert {json.dumps(said["annotations"]) for said in answers} == {
        json.dumps(answers[0]["annotations"])
    }
    assert {said["total"] for said in answers} == {2 * BOXES}
    [(rows, prints)] = scene.ask("select count(*), count(distinct fingerprint) from annotations")
    assert rows == prints == 2 * BOXES
    lost = scene.ask(
        "select count(*) from annotations n where parent_id is not null and not exists "
        "(select from annotations p where p.id = n.parent_id)"
    )
    assert lost == [(0,)]
    figures.add(
        "P7", "the same annotations, rows", f"{POSTS} times, {2 * BOXES}", f"{len(answers)}, {rows}"
    )


def test_racing_ends_have_one_winner(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(apis=2).start(images=40)
    speakers = [Speaker(scene.ports[number % 2], "") for number in range(4)]
    ends = [
        {"status": "completed"},
        {"status": "failed"},
        {"status": "completed"},
        {"status": "canceled"},
    ]
    for number in range(RACES):
        analysis, secret = _make_analysis(scene, number)
        owner = speakers[0]
        owner.call(
            "PATCH", f"/analyses/{analysis}/status", *_signed(secret, {"status": "processing"})
        )

        def end(place: int, analysis: str = analysis, secret: str = secret) -> int:
            body, signed = _signed(secret, ends[place])
            way = (
                ("PATCH", "status") if ends[place]["status"] == "canceled" else ("POST", "finalize")
            )
            return speakers[place].call(way[0], f"/analyses/{analysis}/{way[1]}", body, signed)[0]

        statuses = race([partial(end, place) for place in range(4)])
        [(state,)] = scene.ask("select state from analyses where id = %s", analysis)
        assert statuses == [200 if wanted["status"] == state else 409 for wanted in ends], (
            state,
            statuses,
        )
    for speaker in speakers:
        speaker.close()
    moves = Counter(
        row[0]
        for row in scene.ask(
            "select analysis_id from analysis_moves where to_state = any(%s)",
            ["completed", "failed", "canceled"],
        )
    )
    assert set(moves.values()) == {1}
    assert len(moves) == RACES
    figures.add("P11", "racing ends of a stand-alone analysis, each with one", RACES, len(moves))


def _signed(secret: str, body: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    content = json.dumps(body).encode()
    return content, sign_v1(secret, content)
