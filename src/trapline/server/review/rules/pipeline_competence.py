"""Which pipelines look for animals, people or vehicles, so that finding nothing means blank."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trapline.server.findings.formats.label_words import THINGS
from trapline.server.review.rules.name_meanings import NamingRules, resolve_label
from trapline.wire.observations import SoughtKind

OTHER_TASKS = re.compile(
    r"\b(ocr|plate|text|re-?id\w*|identity|embedding|depth|quality|pose|weather|snow)\b",
    re.IGNORECASE,
)
"""Task types of algorithms that describe images or known animals, and look for nothing."""
OTHER_LABELS = re.compile(
    r"^(licen[cs]e[ _-]?plate|number[ _-]?plate|plate|text|timestamp|logo|snow|fog|rain|day"
    r"|night)s?$",
    re.IGNORECASE,
)
"""Labels that are neither animals, people nor vehicles."""


@dataclass(frozen=True)
class PipelineTargets:
    """The targets of a pipeline: declared by an external pipeline, or those of its algorithms."""

    declared: Sequence[str] = ()
    task_types: Sequence[str] = ()
    labels: Sequence[str] = ()

    def list_kinds(self) -> list[SoughtKind]:
        """List what it looks for; empty if it declares nothing."""
        if self.declared:
            return [kind for kind in SoughtKind if kind in self.declared]
        return list_sought_kinds(self.labels)

    def is_competent(self) -> bool:
        """Whether it looks for animals, people or vehicles.

        >>> PipelineTargets(["other"]).is_competent()
        False
        """
        if self.declared:
            return any(kind != SoughtKind.OTHER for kind in self.declared)
        return looks_for_animals(self.task_types, self.labels)


def list_sought_kinds(labels: Collection[str]) -> list[SoughtKind]:
    """List the kinds that labels name; labels of plates or weather are something else.

    >>> list_sought_kinds(["person", "lynx", "license plate"])
    [<SoughtKind.ANIMAL: 'animal'>, <SoughtKind.HUMAN: 'human'>, <SoughtKind.OTHER: 'other'>]
    """
    rules = NamingRules({}, frozenset(), {})
    named = {"other" if _is_other(one) else resolve_label(one, rules).kind.value for one in labels}
    return [kind for kind in SoughtKind if kind.value in named]


def _is_other(label: str) -> bool:
    return bool(OTHER_LABELS.search(label)) or label.lower() in THINGS


def looks_for_animals(task_types: Collection[str], labels: Collection[str]) -> bool:
    """Whether a pipeline with these task types and labels looks for animals, people or vehicles.

    One that declares nothing does, because most pipelines do.

    >>> looks_for_animals(["detection"], ["animal", "person"])
    True
    >>> looks_for_animals(["detection"], ["license plate"])
    False
    """
    if task_types and all(OTHER_TASKS.search(one) for one in task_types):
        return False
    if not labels:
        return True
    return not all(_is_other(one) for one in labels)
