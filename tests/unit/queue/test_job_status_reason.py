"""A job in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trapline.server.queue.rules.job_status_reason import (
    JobConditions,
    LeaseActivity,
    WorkerCompetition,
    format_status_reason,
    is_starved,
)
from trapline.wire.jobs import JobState

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LIVE = JobConditions(
    status=JobState.PROCESSING,
    pipeline_slug="lynx",
    standing=False,
    paused=False,
    expanded=True,
    open=3,
    completed=0,
    failed=0,
    last_contact_at=NOW - timedelta(seconds=5),
)
DONE = replace(LIVE, status=JobState.COMPLETED, open=0)
OLD = NOW - timedelta(hours=2)


HOUR = NOW - timedelta(hours=1)
SOON = NOW + timedelta(seconds=8)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (replace(LIVE, paused=True), "Paused; 3 images wait in the queue."),
        (
            replace(LIVE, paused=True, hands=LeaseActivity(1, 1, "gpu-2", HOUR)),
            "Paused; 1 image leased by gpu-2 continues, 2 images wait in the queue.",
        ),
        (
            replace(LIVE, paused=True, hands=LeaseActivity(2, 2, "gpu-2", HOUR)),
            "Paused; 2 images leased continue, 1 image waits in the queue.",
        ),
        (replace(LIVE, paused=True, expanded=False), "Paused; 3 images are in the queue."),
        (
            replace(LIVE, not_started=True, paused=True),
            "Not started; 3 images wait in the queue until it is run.",
        ),
        (
            replace(LIVE, not_started=True, paused=True, expanded=False, expected=9),
            "Not started; 3 of about 9 are in the queue until it is run.",
        ),
        (
            replace(LIVE, hands=LeaseActivity(3, 1, "gpu-2", NOW - timedelta(minutes=4))),
            "3 images leased by gpu-2 for 4 min.",
        ),
        (
            replace(LIVE, hands=LeaseActivity(1, 2, "gpu-2", HOUR)),
            "1 image leased by gpu-2 and 1 more worker for 1.0 h.",
        ),
        (
            replace(LIVE, hands=LeaseActivity(2, 4, "gpu-2", SOON)),
            "2 images leased by gpu-2 and 3 more workers for 0 s.",
        ),
        (replace(LIVE, hands=LeaseActivity(2)), "2 images leased."),
        (
            replace(
                LIVE,
                hands=LeaseActivity(2, 1, "gpu-2", HOUR),
                expanded=False,
                open=23_000,
                expected=100_000,
            ),
            (
                "2 images leased by gpu-2 for 1.0 h; 23,000 of about 100,000 images are in the "
                "queue so far."
            ),
        ),
        (
            replace(LIVE, hands=LeaseActivity(2, 1, "gpu-2", HOUR), expanded=False, open=500),
            "2 images leased by gpu-2 for 1.0 h; 500 images are in the queue so far.",
        ),
        (
            replace(LIVE, expanded=False, open=500),
            "The images are being added to the queue: 500 images so far.",
        ),
        (
            replace(LIVE, expanded=False, open=22_000, completed=900, failed=100, expected=100_000),
            "The images are being added to the queue: 23,000 of about 100,000 so far.",
        ),
        (
            replace(LIVE, expanded=False, open=12, expected=10),
            "The images are being added to the queue: 12 of about 12 so far.",
        ),
        (replace(LIVE, open=0, standing=True), "Waiting for new images."),
        (replace(LIVE, open=0), "Finishing."),
        (replace(LIVE, offered=False), "No processing service has registered the pipeline lynx."),
        (replace(LIVE, last_contact_at=None), "No worker offers lynx; 3 images wait."),
        (
            replace(LIVE, last_contact_at=OLD, open=1),
            "No worker offers lynx since 10:00 UTC; 1 image waits.",
        ),
        (
            replace(LIVE, last_contact_at=NOW - timedelta(days=1)),
            "No worker offers lynx since 2026-05-31 12:00 UTC; 3 images wait.",
        ),
        (
            replace(LIVE, waiting_until=SOON),
            "3 images wait for another attempt after an error, at 12:00 UTC (in 8 s).",
        ),
        (
            replace(LIVE, waiting_until=OLD),
            "3 images wait for a worker; the last contact of one was 5 s ago.",
        ),
        (LIVE, "3 images wait for a worker; the last contact of one was 5 s ago."),
        (
            replace(LIVE, rivals=WorkerCompetition(ahead=1, next_ahead=7, online=1, name="gpu-2")),
            "3 images wait behind job 7, which has a higher priority.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(ahead=1)),
            "3 images wait behind a job of another project, which has a higher priority.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(ahead=2, next_ahead=7)),
            "3 images wait behind 2 jobs of higher priority; the next of them is job 7.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(ahead=2)),
            "3 images wait behind 2 jobs of higher priority.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(online=1, name="gpu-2", busy=1, busy_with=7)),
            "3 images wait; gpu-2 is working on job 7.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(online=1, name="gpu-2", busy=1)),
            "3 images wait; gpu-2 is working on another job.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(online=2, name="gpu-2", busy=2, busy_with=7)),
            "3 images wait; 2 workers, gpu-2 among them, are working on other jobs, such as job 7.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(online=2, name="gpu-2", busy=2)),
            "3 images wait; 2 workers, gpu-2 among them, are working on other jobs.",
        ),
        (
            replace(LIVE, open=1, rivals=WorkerCompetition(online=1, name="gpu-2")),
            "1 image waits; gpu-2 is online (last contact 5 s ago) and has not asked for it.",
        ),
        (
            replace(LIVE, rivals=WorkerCompetition(online=3, name="gpu-2", busy=1)),
            (
                "3 images wait; 3 workers, gpu-2 among them, are online (last contact 5 s ago) and "
                "have not asked for them."
            ),
        ),
        (DONE, "The job has no images."),
        (replace(DONE, completed=4), "4 images done."),
        (replace(DONE, completed=4, nothing_found=4), "Nothing found in 4 images."),
        (
            replace(DONE, completed=4, nothing_found=1, failed=1),
            "4 images done, nothing found in 1 of them, 1 image failed.",
        ),
        (
            replace(DONE, completed=2, nothing_found=2, failed=3),
            "Nothing found in 2 images, 3 images failed.",
        ),
        (replace(DONE, status=JobState.FAILED, failed=2), "2 images failed."),
        (
            replace(DONE, status=JobState.CANCELED, completed=1, open=2),
            "Canceled; 1 image was done before.",
        ),
        (
            replace(DONE, status=JobState.CANCELED, completed=2, open=23_000, sweeping=True),
            "Canceled; 2 images were done before; 23,000 images are being removed from the queue.",
        ),
    ],
)
def test_explain(seen: JobConditions, sentence: str) -> None:
    assert format_status_reason(seen, NOW) == sentence


@pytest.mark.parametrize(
    ("seen", "waiting"),
    [
        (LIVE, True),
        (replace(LIVE, paused=True), False),
        (replace(LIVE, not_started=True), False),
        (replace(LIVE, hands=LeaseActivity(1)), False),
        (replace(LIVE, expanded=False), False),
        (replace(LIVE, open=0, standing=True), False),
        (replace(LIVE, offered=False), False),
        (replace(LIVE, last_contact_at=OLD), False),
        (DONE, False),
    ],
)
def test_only_a_job_that_somebody_could_take_is_asked_for_rivals(
    seen: JobConditions, waiting: bool
) -> None:
    assert is_starved(seen, NOW) is waiting
