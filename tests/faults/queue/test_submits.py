"""An acknowledged run is stored once: repeated submits, and kills of PostgreSQL."""

from functools import partial
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import Speaker, race
from tests.support.fault_run import Figures, sized
from tests.support.fault_scene import DATABASE, SLUG
from tests.support.ledger_checker import check
from tests.support.running_server import wait_for

RACES = sized(100)
KILLS = sized(50, 4)
CHANGES = sized(40, 4)
THREADS = 32
EXPANDED = "select count(*) filter (where expanded), count(*) from jobs"


def test_the_same_submit_from_everywhere_makes_one_job(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene(apis=2).start(images=8)

    def submit_again(number: int) -> list[str]:
        speaker = Speaker(scene.ports[number % 2], scene.owner)
        signed = {"Authorization": f"Token {scene.owner}"}
        told = []
        for post in range(RACES):
            body = {
                "pipeline": SLUG,
                "content": {"images": scene.images},
                "metadata": {"race": post},
            }
            status, said = speaker.call(
                "POST", "/pipeline/run", body, signed | {"Idempotency-Key": f"race-{post}"}
            )
            assert status == 202, said
            told.append(said["job_id"])
            status, said = speaker.call(
                "POST",
                "/pipeline/run",
                body | {"priority": "low"},
                signed | {"Idempotency-Key": f"race-{post}"},
            )
            assert status == 409, said
        speaker.close()
        return told

    told = race([partial(submit_again, number) for number in range(THREADS)])
    assert all(one == told[0] for one in told)
    assert len(set(told[0])) == RACES
    made = scene.ask("select count(*) from jobs")[0][0]
    assert made == RACES
    figures.add(
        "P3",
        f"{THREADS} threads with one key over 2 APIs, {RACES} times",
        "1 job",
        "1 job each time",
    )


def test_acknowledged_submits_survive_an_immediate_kill_of_postgresql(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Named images are queued with the job; a background task expands a selection."""
    scene = make_scene().start(images=8)
    contents: list[dict[str, Any]] = [{"images": scene.images}, {}]
    owner = scene.record("owner")
    for number in range(KILLS):
        scene.make_job(owner, f"killed-{number}", "/pipeline/run", content=contents[number % 2])
        scene.kill(DATABASE)
        scene.ask("select 1")
    assert scene.ask("select count(*) from jobs")[0][0] == KILLS
    wait_for("every expansion", lambda: scene.ask(EXPANDED) == [(KILLS, KILLS)], 90)
    assert scene.ask("select distinct open from jobs") == [(len(scene.images),)]
    scene.add_worker(1, additions=True, work_s=0)
    scene.drain(60)
    check(scene)
    moves = scene.ask("select array_agg(to_state order by number) from job_moves group by job_id")
    assert moves == [(["queued", "processing", "completed"],)] * KILLS
    figures.add("P3", f"PostgreSQL killed behind {KILLS} answered submits", "0 lost", "0 lost")


def test_a_change_that_was_answered_is_there_though_postgresql_is_killed_at_once(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Cancel, retry, and records for later runs and receivers: a preset and a webhook."""
    scene = make_scene().start(images=8)
    job = scene.make_job(
        scene.record("owner"), "changed", "/pipeline/run", content={"images": scene.images}
    )
    preset = scene.call(
        "POST", "/presets", {"project": scene.project, "name": "kept", "pipeline": SLUG}
    ).json()["id"]
    hook = scene.call(
        "POST", "/webhooks", {"project": scene.project, "url": "https://receiver.example/"}
    ).json()["id"]
    steps: list[tuple[str, str, str, str]] = [
        ("POST", f"/pipeline/job/{job}/cancel", "", "select status from jobs"),
        ("POST", f"/pipeline/job/{job}/retry", "", "select status from jobs"),
        ("PATCH", f"/presets/{preset}", "description", "select description from presets"),
        ("PATCH", f"/webhooks/{hook}", "name", "select name from webhooks"),
    ]
    for number in range(CHANGES):
        method, path, field, query = steps[number % len(steps)]
        # The process meets a database that is only just back.
        wait_for("the API", lambda: scene.call("GET", "/auth/me").status_code == 200, 30)
        answer = scene.call(method, path, {field: f"change {number}"} if field else None)
        scene.kill(DATABASE)
        assert answer.is_success, answer.text
        expected = (
            f"change {number}" if field else "canceled" if path.endswith("cancel") else "queued"
        )
        assert scene.ask(query) == [(expected,)], path
    figures.add("P3", f"PostgreSQL killed behind {CHANGES} answered changes", "0 lost", "0 lost")
