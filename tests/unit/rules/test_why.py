"""A job in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trapline.server.rules.why import Circumstances, explain
from trapline.wire.jobs import JobState

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LIVE = Circumstances(
    status=JobState.PROCESSING,
    pipeline_slug="lynx",
    standing=False,
    paused=False,
    expanded=True,
    open=3,
    completed=0,
    failed=0,
    heard_of_at=NOW - timedelta(seconds=5),
)
DONE = replace(LIVE, status=JobState.COMPLETED, open=0)
OLD = NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (replace(LIVE, paused=True), "Paused; 3 images wait in the line."),
        (
            replace(LIVE, held=3, held_by="gpu-2", held_since=NOW - timedelta(minutes=4)),
            "3 images leased by gpu-2 for 4 min.",
        ),
        (replace(LIVE, expanded=False, open=5000), "The images are being put into the line; 5,000 so far."),
        (replace(LIVE, open=0, standing=True), "Waiting for new images."),
        (replace(LIVE, offered=False), "No processing service has registered the pipeline lynx."),
        (replace(LIVE, heard_of_at=None), "No worker offers lynx; 3 images wait."),
        (
            replace(LIVE, heard_of_at=OLD, open=1),
            "No worker offers lynx since 2026-06-01 10:00 UTC; 1 image waits.",
        ),
        (
            replace(LIVE, waiting_until=NOW + timedelta(seconds=8)),
            "3 images wait for another attempt after an error, in 8 s.",
        ),
        (LIVE, "3 images wait for a worker; one was heard from 5 s ago."),
        (DONE, "There was no image to work on."),
        (replace(DONE, completed=4), "4 images done."),
        (replace(DONE, completed=4, nothing_found=4), "Nothing found in 4 images."),
        (
            replace(DONE, completed=4, nothing_found=1, failed=1),
            "4 images done, nothing found in 1 of them, 1 image failed.",
        ),
        (replace(DONE, status=JobState.FAILED, failed=2), "2 images failed."),
        (replace(DONE, status=JobState.CANCELED, completed=1, open=2), "Canceled; 1 image was done before."),
    ],
)  # fmt: skip
def test_explain(seen: Circumstances, sentence: str) -> None:
    assert explain(seen, NOW) == sentence
