"""The checker itself: it reports every kind of inconsistency in the database."""

from tests.faults.conftest import MakeScene
from tests.support.ledger_checker import check, look
from tests.support.running_server import wait_for

WRONGS = {
    "delete from annotations where analysis_id = ONE": "annotations are gone",
    "update analyses set state = 'queued' where id = ONE": "is still queued",
    "update analyses set won = 5, attempt = 5 where id = ONE": "won by 5",
    "update analyses set state = 'failed', won = null where id = ONE": "was accepted, and it is "
    "failed",
    "update jobs set completed = completed + 1": "its rows",
    "update jobs set status = 'processing'": "still processing",
    "update analysis_reports set report = report || '{\"total_time\": 1}' where analysis_id = "
    "ONE": "is stored",
    "update annotations set data = data || '{\"x_min\": 150}' where analysis_id = "
    "ONE": "not those of the accepted",
    "insert into attempts (analysis_id, project_id, attempt, outcome) select id, project_id, 7, "
    "'lost' from analyses "
    "where id = ONE": "was never begun",
    "delete from job_moves where number = 2": "are numbered",
    "update job_moves set from_state = 'failed' where number = 2": "has gaps",
    "update job_moves set at = at - interval '1 day' where number = 3": "is not in order",
    "update holders set completed = completed + 1": "are credited",
    "delete from analyses where id = ONE": "is gone",
    "insert into annotations select gen_random_uuid(), project_id, analysis_id, image_id, "
    "annotation_type, class_name, "
    "confidence, data, storage_path, parent_id, ordering, algorithm_id, gen_random_uuid(), "
    "created_at from annotations "
    "where analysis_id = ONE": "is doubled",
}


def test_the_checker_sees_what_is_wrong(make_scene: MakeScene) -> None:
    scene = make_scene().start(images=12)
    scene.make_expanded_job()
    part = scene.add_worker(1, additions=True)
    scene.drain(30)
    # The last answer is written down a moment after it came.
    wait_for(
        "the last answer",
        lambda: all(one.ended for one in scene.operations() if one.name == "result"),
    )
    scene.keeper.stop(part)
    check(scene)
    one = scene.ask("select id::text from analyses order by id limit 1")[0][0]
    for wrong, words in WRONGS.items():
        with scene.rolled_back():
            scene.ask("set local session_replication_role = replica")
            scene.ask(wrong.replace("ONE", f"'{one}'"))
            found = look(scene).violations
        assert [violation for violation in found if words in violation], f"unseen: {wrong}\n{found}"
    check(scene)
