"""Compare the responses that clients received with the database, after all faults and all tasks.

Each acknowledged result is stored, each task has one result and none is open. Counters equal a
recount, no row is duplicated, and the history of attempts is consistent. Each violation is one
sentence.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.fault_scene import Scene
from tests.support.light_worker import corner_of
from tests.support.operation_log import OK, Answered, Operation, list_answers
from trapline.server.findings.rules.packed_data import unpack_data


@dataclass(frozen=True)
class Tally:
    """Numbers of tasks, tasks with a result, acknowledged results, and other attempts."""

    tasks: int
    results: int
    failed: int
    acknowledged: int
    lost_attempts: int
    violations: tuple[str, ...]


@dataclass(frozen=True)
class _Task:
    job: int
    state: str
    attempt: int
    fence: int
    won: int | None
    errors: int
    lost: int
    mark: float | None
    corners: list[float]
    boxes: int
    classes: int


def check(scene: Scene, *, marks: bool = True) -> Tally:
    """Compare log and database; fails with every violation.

    `marks` is False where workers were not the light ones.
    """
    tally = look(scene, marks=marks)
    shown = "\n".join(tally.violations[:20])
    assert not tally.violations, f"{len(tally.violations)} violations:\n{shown}"
    return tally


def look(scene: Scene, *, marks: bool = True) -> Tally:
    """Compare log and database; answers every violation."""
    operations = scene.operations()
    tasks = _read_tasks(scene)
    attempts = scene.ask("select analysis_id::text, attempt, outcome from attempts")
    rows = scene.ask(
        "select distinct subject_id from audit where action = 'retry' and subject_type = 'job'"
    )
    retried = {int(job) for (job,) in rows}
    wrong = [
        *_check_tasks(tasks),
        *(_check_answers(tasks, operations, attempts) if marks else ()),
        *_check_leases(tasks, operations),
        *_check_attempts(tasks, attempts, retried),
        *_check_jobs(scene),
        *_check_histories(scene),
        *_check_made(scene, operations),
    ]
    answers = list_answers(operations)
    return Tally(
        tasks=len(tasks),
        results=sum(task.state == "completed" for task in tasks.values()),
        failed=sum(task.state == "failed" for task in tasks.values()),
        acknowledged=len(
            {
                (one.task, one.attempt)
                for one in answers
                if one.status == "accepted" and not one.is_error
            }
        ),
        lost_attempts=sum(outcome == "lost" for _, _, outcome in attempts),
        violations=tuple(wrong),
    )


def _read_tasks(scene: Scene) -> dict[str, _Task]:
    rows = scene.ask(
        """
        select a.id::text, a.job_id, a.state, a.attempt, a.fence, a.won, a.errors, a.lost,
            (r.report ->> 'total_time')::float8, coalesce(n.found, '[]'), coalesce(n.boxes, 0),
            coalesce(n.classes, 0)
        from analyses a
        left join analysis_reports r on r.analysis_id = a.id
        left join lateral (
            select jsonb_agg(annotations) filter (where annotation_type = 'bounding_box') as found,
                count(*) filter (where annotation_type = 'bounding_box') as boxes,
                count(*) filter (where annotation_type = 'classification') as classes
            from annotations where analysis_id = a.id
        ) n on true
        where a.job_id is not null
        """
    )
    tasks = {}
    for name, *values in rows:
        boxes: list[dict[str, Any]] = values[8]
        values[8] = [corner_of_row(box) for box in boxes]
        tasks[name] = _Task(*values)
    return tasks


def corner_of_row(box: dict[str, Any]) -> float:
    """The left side of a box, of its row as JSON."""
    return float(unpack_data(box["data"], box["class_name"], box["algorithm_id"])["x_min"])


def _check_tasks(tasks: dict[str, _Task]) -> list[str]:
    wrong = []
    for name, task in tasks.items():
        if task.state in ("queued", "processing"):
            wrong.append(f"task {name} of job {task.job} is still {task.state}")
        elif task.state == "completed":
            if task.won is None or not task.won <= task.attempt:
                wrong.append(f"task {name} is completed by attempt {task.won} of {task.attempt}")
            if task.mark is None:
                wrong.append(f"task {name} is completed and has no report")
        elif task.boxes or task.mark is not None:
            wrong.append(f"task {name} is {task.state} and has a result")
        if task.boxes > 1 or task.classes > 1:
            wrong.append(
                f"task {name} has {task.boxes} boxes and {task.classes} classes: a result is "
                "doubled"
            )
        if task.state == "completed" and (task.boxes, task.classes) == (0, 0):
            wrong.append(f"task {name} is completed and its annotations are gone")
    return wrong


def _check_answers(
    tasks: dict[str, _Task], operations: Sequence[Operation], attempts: list[tuple[Any, ...]]
) -> list[str]:
    wrong = []
    ended = {(task, attempt) for task, attempt, outcome in attempts if outcome == "error"}
    winners: dict[str, int] = {}
    for one in list_answers(operations):
        if one.status is None:
            continue
        task = tasks.get(one.task)
        if task is None:
            wrong.append(f"task {one.task} was {one.status} and is gone")
        elif "cannot be stored" in one.status:
            wrong.append(
                f"the result of attempt {one.attempt} at {one.task} was refused: {one.status}"
            )
        elif one.status == "accepted" and one.is_error:
            if (one.task, one.attempt) not in ended:
                wrong.append(
                    f"the error of attempt {one.attempt} at {one.task} was accepted and is not in "
                    "its history"
                )
        elif one.status == "accepted":
            if winners.setdefault(one.task, one.attempt) != one.attempt:
                wrong.append(
                    f"two attempts at {one.task} were accepted: {winners[one.task]} and "
                    f"{one.attempt}"
                )
            wrong += _check_winner(task, one)
        elif one.status == "duplicate" and task.state in ("queued", "processing"):
            wrong.append(
                f"attempt {one.attempt} at {one.task} was told duplicate, and it is {task.state}"
            )
    return wrong


def _check_winner(task: _Task, one: Answered) -> list[str]:
    """Compare an accepted result with what is stored."""
    if task.state != "completed" or task.won != one.attempt:
        return [
            (
                f"attempt {one.attempt} at {one.task} was accepted, and it is {task.state}, won by "
                f"{task.won}"
            )
        ]
    if task.mark != one.mark:
        return [f"the result {one.mark} of {one.task} was accepted, and {task.mark} is stored"]
    if [corner for corner in task.corners if abs(corner - corner_of(one.mark)) > 0.001]:
        return [f"the boxes of {one.task} are not those of the accepted result"]
    return []


def _check_leases(tasks: dict[str, _Task], operations: Sequence[Operation]) -> list[str]:
    wrong = []
    leases = Counter(
        (task, attempt)
        for operation in operations
        if operation.name == "lease" and operation.state == OK
        for task, attempt in operation.heard["tasks"]
    )
    wrong += [
        f"attempt {attempt} at {task} was given out {n} times"
        for (task, attempt), n in leases.items()
        if n > 1
    ]
    wrong += [
        f"attempt {attempt} at {task} was given out, and the row knows of "
        f"{tasks[task].attempt if task in tasks else 0}"
        for task, attempt in leases
        if task not in tasks or tasks[task].attempt < attempt
    ]
    return wrong


def _check_attempts(
    tasks: dict[str, _Task], attempts: list[tuple[Any, ...]], retried: set[int]
) -> list[str]:
    wrong = []
    ended = Counter(attempts)
    wrong += [
        f"attempt {attempt} at {task} ended {n} times as {how}"
        for (task, attempt, how), n in ended.items()
        if n > 1
    ]
    history: dict[str, list[tuple[int, str]]] = {}
    for task, attempt, outcome in ended:
        if attempt > tasks[task].attempt:
            wrong.append(f"attempt {attempt} at {task} ended and was never begun")
        history.setdefault(task, []).append((attempt, outcome))
    for name, task in tasks.items():
        # Only a retry restarts the count of attempts, at the attempt whose fence it found.
        begun_at = range(task.fence + 1) if task.job in retried else (0,)
        told = [_count_ends(history.get(name, []), after) for after in begun_at]
        if (task.errors, task.lost) not in told:
            wrong.append(
                f"task {name} counts {task.errors} errors and {task.lost} losses, its history "
                f"{told[0]}"
            )
    return wrong


def _count_ends(history: list[tuple[int, str]], after: int) -> tuple[int, int]:
    ends = Counter(outcome for attempt, outcome in history if attempt > after)
    return ends["error"], ends["lost"]


def _check_jobs(scene: Scene) -> list[str]:
    wrong = []
    rows = scene.ask(
        """
        select j.id, j.status, j.expanded, j.open, j.completed, j.failed, j.last_move,
            count(*) filter (where a.state in ('queued', 'processing')),
            count(*) filter (where a.state = 'completed'),
            count(*) filter (where a.state = 'failed'),
            (select count(*) from job_moves m where m.job_id = j.id),
            (select count(*) from job_moves m
                where m.job_id = j.id and m.to_state in ('completed', 'failed', 'canceled')),
            (select count(*) from job_moves m
                where m.job_id = j.id and m.from_state in ('completed', 'failed', 'canceled')),
            (select coalesce(sum(h.completed), 0) from holders h where h.job_id = j.id)
        from jobs j left join analyses a on a.job_id = j.id group by j.id
        """
    )
    for (
        job,
        status,
        expanded,
        *stored,
        last_move,
        is_open,
        completed,
        failed,
        moves,
        ends,
        begins,
        credited,
    ) in rows:
        if status in ("queued", "processing"):
            wrong.append(f"job {job} is still {status}")
        if not expanded and status != "canceled":
            wrong.append(f"job {job} is {status} and not expanded")
        if tuple(stored) != (is_open, completed, failed) and status != "canceled":
            wrong.append(
                f"job {job} counts {tuple(stored)}, its rows {(is_open, completed, failed)}"
            )
        if moves != last_move:
            wrong.append(f"job {job} has {moves} moves and counts {last_move}")
        if ends != begins + (status not in ("queued", "processing")):
            wrong.append(f"job {job} ended {ends} times and was taken up again {begins} times")
        if int(credited) != completed:
            wrong.append(f"the workers of job {job} are credited {credited} results of {completed}")
    return wrong


def _check_histories(scene: Scene) -> list[str]:
    """Verify that job transitions follow each other, numbered in order, to the job's state."""
    wrong = []
    rows = scene.ask(
        """
        select j.id, j.status, array_agg(array[m.number::text, m.from_state, m.to_state]
        order by m.number),
            array_agg(m.at order by m.number)
        from jobs j left join job_moves m on m.job_id = j.id group by j.id
        """
    )
    for job, status, moves, times in rows:
        states = ["new", *(to_state for _, _, to_state in moves)]
        if [number for number, _, _ in moves] != [
            str(number) for number in range(1, len(moves) + 1)
        ]:
            wrong.append(
                f"the moves of job {job} are numbered {[number for number, _, _ in moves]}"
            )
        if [from_state for _, from_state, _ in moves] != states[:-1] or states[-1] != status:
            wrong.append(f"the history of job {job} has gaps: {moves}, and it is {status}")
        if sorted(times) != times:
            wrong.append(f"the history of job {job} is not in order: {times}")
    return wrong


def _check_made(scene: Scene, operations: Sequence[Operation]) -> list[str]:
    """Verify that each acknowledged job and deployment exists once, by key and by name."""
    wrong = []
    jobs = {row[0] for row in scene.ask("select id from jobs")}
    by_key: dict[str, set[int]] = {}
    for operation in operations:
        if operation.name == "job" and operation.state == OK:
            by_key.setdefault(operation.said["key"], set()).add(operation.heard["job"])
    for key, ids in by_key.items():
        if len(ids) > 1:
            wrong.append(f"the request {key} made {len(ids)} jobs")
        wrong += [f"job {job} was acknowledged and is gone" for job in ids - jobs]
    keys = {operation.said["key"] for operation in operations if operation.name == "job"}
    if len(jobs) > len(keys):
        wrong.append(f"{len(jobs)} jobs are there, and {len(keys)} were asked for")
    names = Counter(row[0] for row in scene.ask("select name from deployments"))
    for operation in operations:
        if operation.name != "deployment":
            continue
        name = operation.said["name"]
        if names[name] > 1:
            wrong.append(f"deployment {name} is there {names[name]} times")
        if operation.state == OK and not names[name]:
            wrong.append(f"deployment {name} was acknowledged and is gone")
    return wrong
