"""Confidence of models: the reliability curve, and thresholds that reach a recall."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from trapline.server.insights.actions.model_quality import describe_proportion
from trapline.server.insights.actions.reviewed_models import (
    compare_version,
    find_model_pair,
    get_current_set,
    list_bias_notes,
    parse_source,
)
from trapline.server.insights.actions.surveys import InsightCaches
from trapline.server.insights.queries.model_answers import (
    ComparedImage,
    list_compared_images,
    list_named_keys,
)
from trapline.server.insights.queries.surveys import get_survey_version
from trapline.server.insights.rules.class_answers import ClassNames
from trapline.server.insights.rules.class_confidences import ImageConfidences, list_confidences
from trapline.server.insights.rules.model_quality import (
    SuggestedThreshold,
    compute_reliability,
    suggest_threshold,
)
from trapline.server.insights.rules.proportions import Proportion
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.caches import VersionedCache
from trapline.server.review.queries.observation_sets import ObservationSet, list_active_sets
from trapline.server.review.queries.version_analyses import load_version_analyses
from trapline.wire.insights import InsightNote, NoteCode
from trapline.wire.model_quality import (
    MOST_SCORED,
    ModelReliability,
    ReliabilityRange,
    ThresholdSuggestion,
)

STEP = 10_000
"""Thresholds are rounded down to 1 / STEP, so that no image of the recall is lost."""


@dataclass(frozen=True)
class ScoredImages:
    """Reviewed images with the confidences of a model version."""

    of: ObservationSet
    source: str
    images: Sequence[tuple[ComparedImage, ImageConfidences]]
    classes: ClassNames

    @property
    def is_random(self) -> bool:
        """Whether the images are of random audit samples of all images."""
        return bool(self.images) and self.images[0][0].is_random


async def get_reliability(
    system: AppContext, scope: Scope, project_id: int, source: str
) -> ModelReliability:
    """Return the reliability curve of a model version. Raises NotFound, Unprocessable."""
    scored = await _get_scored(system, scope, project_id, source)
    confidences, correct = [], []
    for image, found in scored.images:
        for name, confidence in found.shown.items():
            confidences.append(confidence)
            correct.append(any(scored.classes.is_within(one, name) for one in image.true))
    bins = compute_reliability(np.array(confidences), np.array(correct, np.bool_))
    return ModelReliability(
        source=source,
        random=scored.is_random,
        images=len(scored.images),
        ranges=[
            ReliabilityRange(
                low=one.lower,
                high=one.upper,
                mean_confidence=one.mean_confidence,
                correct=describe_proportion(one.correct),
            )
            for one in bins
        ],
        notes=list_bias_notes(has_random=scored.is_random),
    )


async def get_threshold_suggestion(
    system: AppContext, scope: Scope, project_id: int, source: str, name: str, recall: float
) -> ThresholdSuggestion:
    """Suggest the detection threshold of a class. Raises NotFound, Unprocessable."""
    scored = await _get_scored(system, scope, project_id, source)
    async with system.database.transaction(scope) as tx:
        newest = (await list_active_sets(scope, tx, project_id))[-1]
        keys = await list_named_keys(scope, tx, project_id, newest.id, name)
    within = scored.classes.is_within
    scores = [
        max((score for one, score in found.boxes.items() if within(one, name)), default=0.0)
        for _, found in scored.images
    ]
    true = [any(within(one, name) for one in image.true) for image, _ in scored.images]
    suggested = suggest_threshold(np.array(scores), np.array(true, np.bool_), recall)
    exceptions = dict(newest.settings.get("class_thresholds", {}))
    current = next(
        (exceptions[key] for key in (*keys, name) if key in exceptions),
        newest.settings["detection_threshold"],
    )
    threshold = None
    reached: Proportion | TooFewData = TooFewData(SampleUnit.REVIEWED_IMAGES, 0, 1)
    precision = reached
    if isinstance(suggested, SuggestedThreshold):
        reached, precision = suggested.recall, suggested.precision
    notes = list_bias_notes(has_random=scored.is_random)
    if isinstance(suggested, SuggestedThreshold) and suggested.threshold > 0:
        threshold = floor(suggested.threshold * STEP) / STEP
        # An exception for a label of the class would outrank the one for its name.
        exceptions |= {key: threshold for key in keys if key in exceptions} | {name: threshold}
    else:
        notes.append(_explain(suggested))
    return ThresholdSuggestion(
        source=source,
        name=name,
        recall=recall,
        random=scored.is_random,
        images=len(scored.images),
        threshold=threshold,
        reached=describe_proportion(reached),
        precision=describe_proportion(precision),
        current_threshold=current,
        class_thresholds=exceptions if threshold is not None else None,
        notes=notes,
    )


def _explain(found: SuggestedThreshold | TooFewData) -> InsightNote:
    text = "The model missed too many images of this class: no threshold reaches the recall."
    if isinstance(found, TooFewData):
        text = (
            f"A threshold requires at least {found.minimum:g} reviewed images of the class, and "
            f"there are {found.count:g}."
        )
    return InsightNote(code=NoteCode.NO_THRESHOLD, text=text)


async def _get_scored(
    system: AppContext, scope: Scope, project_id: int, source: str
) -> ScoredImages:
    parse_source(source)
    async with system.database.transaction(scope) as tx:
        of = await get_current_set(scope, tx, project_id)
        version = (of.id, *await get_survey_version(scope, tx, project_id))
        kept: VersionedCache[tuple[int, str], ScoredImages] = system.part(InsightCaches).scored
        return await kept.get(
            (project_id, source), version, lambda: _load_scored(scope, tx, project_id, of, source)
        )


async def _load_scored(
    scope: Scope, tx: Transaction, project_id: int, of: ObservationSet, source: str
) -> ScoredImages:
    pair = await find_model_pair(scope, tx, project_id, source)
    if pair is None:
        return ScoredImages(of, source, [], ClassNames({}, []))
    compared = await compare_version(scope, tx, project_id, of, pair)
    listed = await list_compared_images(scope, tx, project_id, of.id, pair, MOST_SCORED)
    if any(one.is_random for one in listed):
        listed = [one for one in listed if one.is_random]
    model = parse_source(source)
    analyses = await load_version_analyses(scope, tx, of, model, [one.id for one in listed])
    settings = of.build_settings({model[0]: 0})
    return ScoredImages(
        of,
        source,
        [
            (one, list_confidences(analyses[one.id], settings))
            for one in listed
            if one.id in analyses
        ],
        compared.classes,
    )
