"""Rules of the queue: lease tokens, budgets, verdicts, batch sizes, and the end of a job."""

from collections.abc import Callable
from uuid import UUID

import pytest

from trapline.server.queue.rules.job_transitions import ALLOWED_JOB_MOVES, FINAL, find_final_state
from trapline.server.queue.rules.lease_size import get_lease_size
from trapline.server.queue.rules.lease_tokens import (
    LeaseTokenClaims,
    find_lease_claims,
    sign_lease_token,
)
from trapline.server.queue.rules.result_acceptance import ResultDecision, TaskState, decide_result
from trapline.server.queue.rules.retry_policy import (
    GiveUp,
    RetryLater,
    decide_after_error,
    decide_after_lost_lease,
)
from trapline.server.queue.rules.worker_names import build_worker_name
from trapline.wire.analyses import AnalysisState
from trapline.wire.jobs import JobState

TASK = UUID("01890000-0000-7000-8000-000000000001")
KEY, OLD_KEY = b"k" * 32, b"o" * 32


def test_a_lease_token_is_read_back() -> None:
    token = sign_lease_token(KEY, TASK, 3)
    assert token.startswith(f"{TASK}.3.")
    assert find_lease_claims([KEY], token) == LeaseTokenClaims(TASK, 3)
    assert find_lease_claims(
        [KEY, OLD_KEY], sign_lease_token(OLD_KEY, TASK, 3)
    ) == LeaseTokenClaims(TASK, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token.replace(".3.", ".4."),
        lambda token: token.replace("01890000", "01890001"),
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:-1],
        lambda token: token + " ",
        lambda token: token.replace(".3.", ".03."),
        lambda token: token.replace(".3.", ".٣."),
        lambda token: token.upper(),
        lambda token: token[:0],
    ],
)
def test_a_changed_lease_token_is_none(change: Callable[[str], str]) -> None:
    assert find_lease_claims([KEY], change(sign_lease_token(KEY, TASK, 3))) is None


def test_a_lease_token_of_another_key_is_none() -> None:
    assert find_lease_claims([OLD_KEY], sign_lease_token(KEY, TASK, 3)) is None


@pytest.mark.parametrize("error", ["image is not an image", "Image is not an image: a.jpg"])
def test_a_permanent_error_is_the_end(error: str) -> None:
    assert decide_after_error(error, 1, 3, 0.5) == GiveUp(error)


@pytest.mark.parametrize(
    "error", ["failed to load image", "Batch processing error: out of memory", ""]
)
def test_passing_errors_wait_ever_longer_up_to_the_budget(error: str) -> None:
    assert decide_after_error(error, 1, 3, 0.5) == RetryLater(2.0)
    assert decide_after_error(error, 2, 3, 0.5) == RetryLater(8.0)
    assert decide_after_error(error, 3, 3, 0.5) == GiveUp(error)


def test_waits_are_spread_and_have_an_end() -> None:
    assert decide_after_error("x", 1, 99, 0.0) == RetryLater(1.5)
    assert decide_after_error("x", 1, 99, 1.0) == RetryLater(2.5)
    assert decide_after_error("x", 50, 99, 0.5) == RetryLater(300.0)


def test_lost_leases_have_a_budget_of_their_own() -> None:
    assert decide_after_lost_lease(4, 5) == RetryLater(0.0)
    last = decide_after_lost_lease(5, 5)
    assert isinstance(last, GiveUp)
    assert "5 times" in last.reason


P, Q, C, F = (
    AnalysisState.PROCESSING,
    AnalysisState.QUEUED,
    AnalysisState.COMPLETED,
    AnalysisState.FAILED,
)


@pytest.mark.parametrize(
    ("task", "attempt", "is_error", "verdict"),
    [
        (TaskState(P, 1, 0), 1, False, ResultDecision.COUNTS),
        (TaskState(P, 3, 0), 1, False, ResultDecision.COUNTS),  # late, and good work
        (TaskState(Q, 3, 0), 3, False, ResultDecision.COUNTS),  # late, its lease over
        (
            TaskState(P, 3, 0),
            2,
            True,
            ResultDecision.DUPLICATE,
        ),  # an error that is not the newest attempt's
        (TaskState(P, 3, 0), 3, True, ResultDecision.COUNTS),
        (TaskState(P, 3, 2), 2, False, ResultDecision.STALE),  # behind the fence
        (TaskState(P, 3, 2), 3, False, ResultDecision.COUNTS),
        (TaskState(P, 3, 0), 4, False, ResultDecision.STALE),  # never given out
        (TaskState(C, 2, 0, 1), 1, False, ResultDecision.AGAIN),
        (TaskState(C, 2, 0, 1), 1, True, ResultDecision.AGAIN),
        (TaskState(C, 2, 0, 1), 2, False, ResultDecision.DUPLICATE),
        (TaskState(C, 2, 2, 1), 1, False, ResultDecision.AGAIN),
        (TaskState(Q, 2, 0, None, [2]), 2, True, ResultDecision.AGAIN),
        (TaskState(Q, 2, 0, None, [2]), 2, False, ResultDecision.COUNTS),
        (TaskState(F, 2, 0, None, [2]), 2, True, ResultDecision.AGAIN),
        (TaskState(F, 2, 0, None, [2]), 2, False, ResultDecision.DUPLICATE),
    ],
)
def test_verdicts(task: TaskState, attempt: int, is_error: bool, verdict: ResultDecision) -> None:
    assert decide_result(task, attempt, is_error=is_error) == verdict


@pytest.mark.parametrize(
    ("wanted", "classes", "held", "tasks"),
    [
        (24, 0, 0, 24),
        (24, 0, 499, 24),
        (24, 0, 500, 1),
        (9999, 0, 0, 500),
        (400, 2_500, 0, 16),
        (400, 30_000, 0, 1),
        (400, 3_000_000, 0, 1),
    ],
)
def test_tasks_per_lease(wanted: int, classes: int, held: int, tasks: int) -> None:
    assert get_lease_size(wanted, classes, held, 500) == tasks


@pytest.mark.parametrize(
    ("counters", "end"),
    [
        ((1, 5, 0), None),
        ((0, 0, 0), JobState.COMPLETED),
        ((0, 1, 9), JobState.COMPLETED),
        ((0, 0, 1), JobState.FAILED),
    ],
)
def test_how_a_job_ends(counters: tuple[int, int, int], end: JobState | None) -> None:
    assert find_final_state(*counters) == end


def test_final_states_lead_only_back_to_the_line() -> None:
    assert {move for move in ALLOWED_JOB_MOVES if move[0] in FINAL} == {
        (state.value, "queued") for state in FINAL
    }


def test_names_of_workers() -> None:
    ours = "trapline-worker/0.1.0 (Lynx; gpu-2; pid 77)"
    assert build_worker_name(ours, "10.0.0.3") == "Lynx on gpu-2 (process 77)"
    assert (
        build_worker_name("python-requests/2.31 CPython", "10.0.0.3")
        == "python-requests/2.31 at 10.0.0.3"
    )
    assert build_worker_name("", "") == "a worker at an unknown address"
