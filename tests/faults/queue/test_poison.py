"""An image that kills every worker that processes it fails only its own attempts."""

import time
from collections import Counter

import pytest
from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.ledger_checker import check
from tests.support.operation_log import OK, Operation
from tests.support.running_server import wait_for

POISONS = sized(20, 8)
BATCH = 16
LOSSES = 5
RATE_SHARE = 0.8
OTHER_TASKS = sized(9000, 3000)


def test_a_poison_picture_ends_as_one_dead_letter(make_scene: MakeScene, figures: Figures) -> None:
    """Each job is a batch of 16 with a poison image: 15 succeed, all attempts are recorded."""
    chance = make_chance("poison")
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": str(LOSSES)}).start(images=BATCH * POISONS)
    batches = [scene.images[first : first + BATCH] for first in range(0, BATCH * POISONS, BATCH)]
    poison = [chance.choice(batch) for batch in batches]
    jobs = [scene.make_expanded_job(selection={"images": batch}) for batch in batches]
    for number in range(1, 5):
        # Five calls only for one of them: its leases end by their deadline, those of the others by
        # their next hello.
        scene.add_worker(number, batch=BATCH, work_s=0.002, additions=number > 1, poison=poison)
    scene.drain(120)
    check(scene)
    deadly: set[tuple[str, int]] = set()
    for job, image in zip(jobs, poison, strict=True):
        rows = scene.ask(
            "select image_id::text, state, lost, errors, attempt from analyses where job_id = %s",
            job,
        )
        dead = [row for row in rows if row[1] == "failed"]
        assert [row[0] for row in dead] == [image]
        assert sorted(row[1] for row in rows) == ["completed"] * (BATCH - 1) + ["failed"]
        story = scene.ask(
            """
            select t.attempt, t.outcome, t.holder_id is not null, t.leased_at is not null,
            t.error, a.id::text
            from attempts t
            join analyses a on a.id = t.analysis_id where a.job_id = %s and a.image_id = %s
            order by t.attempt
            """,
            job,
            image,
        )
        assert [row[:4] for row in story] == [
            (number, "lost", True, True) for number in range(1, LOSSES + 1)
        ]
        assert all(error for *_, error, _ in story)
        deadly.update((task, attempt) for attempt, *_, task in story)
    killed = sum(len(part.ends) for part in scene.keeper.parts if part.name.startswith("worker"))
    # A lease that ends two batches may hand out a poison of each: then one death is an attempt of
    # both.
    leased = [
        {(task, attempt) for task, attempt in one.heard["tasks"]}
        for one in scene.operations()
        if one.name == "lease" and one.state == OK
    ]
    handed_out = [deadly & tasks for tasks in leased]
    assert set().union(*handed_out) == deadly, "an attempt was charged that no worker had in hand"
    assert killed == sum(bool(poisons) for poisons in handed_out)
    lost = set(scene.ask("select analysis_id::text, attempt from attempts where outcome = 'lost'"))
    # A worker that this machine delays for longer than a lease loses its tasks, too: those losses
    # are not the poison's.
    by_death = [(lost & tasks) - deadly for tasks in leased if deadly & tasks]
    charged = Counter(task for tasks in by_death for task, _attempt in tasks)
    assert max(charged.values(), default=0) <= 1, "a neighbour was charged more than once"
    figures.add(
        "P10", f"batches of {BATCH} with a poison: done, dead", "15, 1", f"15, 1, each of {POISONS}"
    )
    figures.add(
        "P10",
        "neighbours charged, at most",
        "once",
        f"{len(charged)} of {15 * POISONS}, {max(charged.values(), default=0)} times",
    )


@pytest.mark.alone
def test_other_work_goes_on_beside_a_poison(make_scene: MakeScene, figures: Figures) -> None:
    """Two workers process other tasks while a poison image kills two more workers repeatedly."""
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": "1000"}).start(images=OTHER_TASKS)
    poison, others = scene.images[:1], scene.images[1:]
    scene.make_expanded_job(selection={"images": others})
    # The duration of the work limits the rate, as in the field, not the processors of this machine.
    for number in (1, 2):
        scene.add_worker(number, work_s=0.05, additions=number == 2)
    wait_for("results", lambda: len(_results(scene)) >= 4)
    seconds = sized(60, 8)
    began = time.monotonic()
    time.sleep(seconds)
    for number in (3, 4):
        scene.add_worker(number, batch=1, work_s=0.05, additions=True, poison=poison)
    wait_for(
        "their hello",
        lambda: scene.ask("select count(*) from workers where ended_at is null") == [(3,)],
    )
    turned = time.monotonic()
    while time.monotonic() < turned + seconds:
        # The first two may take it, too, and live: then it is asked for again.
        if not scene.ask(
            "select 1 from jobs where priority = 2 and status in ('queued', 'processing')"
        ):
            scene.make_expanded_job(selection={"images": poison}, priority="high")
        time.sleep(0.1)
    ended = time.monotonic()
    before, meanwhile = _rate(scene, began, turned), _rate(scene, turned, ended)
    killed = sum(len(scene.keeper.find(f"worker {number}").ends) for number in (3, 4))
    figures.add(
        "P10",
        "rate of other work",
        f"{RATE_SHARE:.0%}",
        f"{meanwhile / before:.0%}, beside {killed} deaths",
    )
    assert killed >= 2
    assert meanwhile >= RATE_SHARE * before


def _results(scene: Scene) -> list[Operation]:
    # Only of those two that were there all the time.
    clients = ("worker-1", "worker-2")
    return [
        one
        for one in scene.operations()
        if one.name == "result" and one.state == OK and one.client in clients
    ]


def _rate(scene: Scene, begin: float, end: float) -> float:
    counted = [
        status
        for one in _results(scene)
        if one.ended is not None and begin <= one.ended < end
        for status in one.heard["statuses"]
    ]
    return counted.count("accepted") / (end - begin)
