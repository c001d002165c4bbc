"""The rule `agreement` when enough reviewers gave each of several answers."""

from dataclasses import replace

from tests.unit.review.test_observations import SETTINGS, analysis, box, derive, names, say, stated

from trapline.wire.identifications import IdentificationKind as Says
from trapline.wire.observation_settings import DecisionRule


def test_the_answer_of_most_reviewers_counts_then_the_one_agreed_first() -> None:
    settings = replace(SETTINGS, rule=DecisionRule.AGREEMENT, agreement=2)
    found = analysis(box("animal"))
    fox, deer = stated("fox"), stated("deer")
    said = [
        say(Says.CORRECT, name, by=by, hour=hour)
        for hour, (by, name) in enumerate(
            (("ada", deer), ("bob", fox), ("eve", fox), ("kim", deer), ("max", deer)), 1
        )
    ]
    seen = [
        set(names(derive(found, said=tuple(said[:count]), settings=settings)))
        for count in (3, 4, 5)
    ]
    assert seen == [{"fox"}, {"fox"}, {"deer"}]
