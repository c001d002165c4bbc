"""Sequences: where images come apart, and how new ones join those that are there."""

from datetime import UTC, datetime, timedelta

from trapline.server.images.rules.sequences import SequenceSpan, merge_sequences, split_sequences

START = datetime(2026, 6, 1, tzinfo=UTC)


def at(*seconds: int) -> list[tuple[int, datetime]]:
    return [(second, START + timedelta(seconds=second)) for second in seconds]


def old(first: int, last: int) -> SequenceSpan[int]:
    return SequenceSpan(
        START + timedelta(seconds=first), START + timedelta(seconds=last), [], [first]
    )


def test_images_belong_together_that_are_closer_than_the_gap() -> None:
    assert [one.images for one in split_sequences(at(0, 119, 239, 240), 120)] == [
        [0, 119],
        [239, 240],
    ]
    assert [one.images for one in split_sequences(at(0, 0, 1), 0)] == [[0], [0], [1]]
    assert split_sequences([], 120) == []


def test_new_images_join_what_is_there_and_bridge_it() -> None:
    new = split_sequences(at(100, 350, 1000), 120)
    joined = merge_sequences(new, [old(0, 0), old(200, 250), old(600, 700)], 120)
    assert [(one.images, one.known) for one in joined] == [([100, 350], [0, 200]), ([1000], [])]


def test_a_new_image_within_a_long_sequence_is_of_it() -> None:
    [joined] = merge_sequences(split_sequences(at(50), 10), [old(0, 100)], 10)
    assert (joined.images, joined.known, joined.end) == ([50], [0], START + timedelta(seconds=100))


def test_sequences_without_new_images_are_left_alone() -> None:
    assert merge_sequences([], [old(0, 100), old(110, 120)], 60) == []
