"""Answers to what an image shows, after many decisions about it."""

import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from tests.unit.review.test_observations import NOON, say, stated

from trapline.server.review.rules.answers import compare_answers
from trapline.server.review.rules.observation_inputs import DerivationSettings, ImageInput
from trapline.server.review.rules.observations import derive_observations
from trapline.wire.identifications import IdentificationKind as Says


def test_thousands_of_decisions_are_compared_in_bounded_time() -> None:
    """The images of an identification are locked meanwhile, and results of workers wait."""
    said = tuple(
        replace(
            say(Says.CORRECT, stated("deer" if number % 3 else "fox")),
            by=f"user:{number % 2}",
            at=NOON + timedelta(seconds=number),
        )
        for number in range(6000)
    )
    image = ImageInput(uuid4(), statements=said)
    settings = DerivationSettings()
    observations = derive_observations(image, settings)
    start = time.process_time()
    [pair] = compare_answers(image, observations, settings)
    assert time.process_time() - start < 3
    assert (pair.first.text, pair.second.text, pair.differs) == ("deer", "deer", False)
