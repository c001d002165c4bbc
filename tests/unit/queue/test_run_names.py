"""How runs are spoken of."""

import pytest

from trapline.server.queue.rules.run_names import (
    format_event_id,
    format_files_preview,
    format_job_id,
    format_selection_preview,
    get_image_name,
    parse_event_id,
    parse_job_id,
)
from trapline.wire.runs import SHOWN


@pytest.mark.parametrize("number", [1, 123, 2**63 - 1])
def test_a_job_is_read_with_and_without_its_word(number: int) -> None:
    assert parse_job_id(str(number)) == parse_job_id(format_job_id(number)) == number


@pytest.mark.parametrize(
    "text",
    ["", "0", "job-", "job-0", "-1", "1.0", "1 ", "JOB-1", "job-job-1", "٣", str(2**63), "9" * 99],
)
def test_anything_else_is_no_job(text: str) -> None:
    assert parse_job_id(text) is None


def test_an_event_counts_for_its_own_job_only() -> None:
    assert parse_event_id(format_event_id(7, 3), 7) == parse_event_id("job-7:3", 7) == 3
    assert [
        parse_event_id(text, 7) for text in (None, "", "8:3", "7:", "7:-1", "7:3:4", "7:٣")
    ] == [0] * 7


@pytest.mark.parametrize(
    ("count", "name", "said"),
    [
        (1, "IMG_0001.JPG", "1 image: IMG_0001.JPG"),
        (3, "IMG_0001.JPG", "3 images: IMG_0001.JPG, .."),
        (100_000, "x" * 200, f"100,000 images: {'x' * 28}.., .."),
    ],
)
def test_pictures_are_told_by_the_first_one(count: int, name: str, said: str) -> None:
    assert format_files_preview(count, [name]) == said
    assert len(said) <= SHOWN


def test_a_selection_is_told_by_its_conditions() -> None:
    times = {"captured_after": "2026-06-01T00:00:00Z", "captured_before": "2026-07-01T00:00:00Z"}
    assert format_selection_preview({}) == "every image"
    assert format_selection_preview(times) == "images from 2026-06-01 to 2026-07-01"
    assert (
        format_selection_preview({"deployment": "d", "unanalysed_only": True}, "Oak")
        == "images of Oak not analysed yet"
    )
    assert format_selection_preview({"image_count": 1200}) == "1,200 images"
    everything = times | {"deployment": "d", "unanalysed_only": True}
    assert len(format_selection_preview(everything, "o" * 200)) == SHOWN


def test_the_name_of_a_picture_tells_no_secret() -> None:
    assert get_image_name("https://a.example/b/IMG%201.JPG?token=secret#there") == "IMG 1.JPG"
    assert get_image_name("https://a.example/") == "unnamed"
    assert get_image_name("https://a.example/a%00%0Ab%E2%80%AE.jpg") == "a__b_.jpg"
