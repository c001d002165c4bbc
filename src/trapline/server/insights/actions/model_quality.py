"""Quality of model versions: their answers compared with those of people."""

from collections.abc import Sequence
from uuid import UUID

from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.insights.actions.reviewed_models import (
    MODEL,
    ComparedVersion,
    compare_version,
    find_model_pair,
    get_current_set,
    list_bias_notes,
    list_reviewed_versions,
    parse_source,
)
from trapline.server.insights.queries.model_answers import count_agreements
from trapline.server.insights.queries.surveys import list_deployment_names
from trapline.server.insights.rules.class_answers import (
    CaseCounts,
    ClassCases,
    count_all,
    count_by_class,
)
from trapline.server.insights.rules.model_quality import (
    ClassQuality,
    build_class_quality,
    compute_exact_mcnemar,
)
from trapline.server.insights.rules.proportions import Proportion
from trapline.server.insights.rules.too_few_data import TooFewData
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.review.queries.review_sets import (
    ReviewSetRow,
    count_items,
    select_review_sets,
)
from trapline.wire.insights import Interval, ProportionEstimate
from trapline.wire.model_quality import (
    AuditSample,
    DeploymentQuality,
    ModelClassQuality,
    ModelComparison,
    ModelQuality,
    ReviewedModel,
)
from trapline.wire.review_sets import ReviewSetKind

MOST_SAMPLES = 20


async def get_model_quality(
    system: AppContext,
    scope: Scope,
    project_id: int,
    source: str | None,
    deployments: Sequence[UUID],
) -> ModelQuality:
    """Return the quality of a model version by class and deployment. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        of = await get_current_set(scope, tx, project_id)
        versions = await list_reviewed_versions(scope, tx, project_id, of)
        pair = versions[0][0] if versions else None
        if source is not None:
            pair = await find_model_pair(scope, tx, project_id, source)
        compared = await compare_version(scope, tx, project_id, of, pair) if pair else None
        withheld = await list_precisions(scope, tx, [project_id])
        names = await list_deployment_names(scope, tx, project_id)
        samples = await _list_samples(scope, tx, project_id)
    if not set(deployments) <= set(names):
        raise NotFound
    shown = {key: get_shown_name(key) if key in withheld else name for key, name in names.items()}
    chosen = [
        (key, group)
        for key, group in (compared.groups if compared else ())
        if not deployments or key in deployments
    ]
    audited = sum(group.images for _, group in chosen if group.samples)
    return ModelQuality(
        source=compared.source if compared else None,
        versions=[
            ReviewedModel(source=one.first, name=one.first.removeprefix(MODEL), images=images)
            for one, images in versions
        ],
        audited=audited,
        biased=sum(group.images for _, group in chosen) - audited,
        classes=_describe_classes(compared, set(deployments)) if compared else [],
        deployments=_describe_deployments(compared, shown, set(deployments)) if compared else [],
        samples=samples,
        notes=list_bias_notes(has_random=any(group.is_random for _, group in chosen))
        if compared
        else [],
    )


def _describe_classes(compared: ComparedVersion, deployments: set[UUID]) -> list[ModelClassQuality]:
    groups = [one for key, one in compared.groups if not deployments or key in deployments]
    return [
        _describe_class(name, cases)
        for name, cases in count_by_class(groups, compared.classes).items()
        if _has_cases(cases)
    ]


def _has_cases(cases: ClassCases) -> bool:
    return any(
        one.true_positives + one.false_positives + one.false_negatives
        for one in (cases.precision, cases.recall, cases.biased)
    )


def _describe_class(name: str, cases: ClassCases) -> ModelClassQuality:
    sampled = _assess(name, cases.precision)
    of_all, biased = _assess(name, cases.recall), _assess(name, cases.biased)
    return ModelClassQuality(
        name=name,
        precision=describe_proportion(sampled.precision),
        recall=describe_proportion(of_all.recall),
        f1=describe_proportion(of_all.f1),
        biased_precision=describe_proportion(biased.precision),
        biased_recall=describe_proportion(biased.recall),
        biased_f1=describe_proportion(biased.f1),
        more_reviews=sampled.further_images,
    )


def _assess(name: str, counts: CaseCounts) -> ClassQuality:
    return build_class_quality(
        name,
        counts.true_positives,
        counts.false_positives,
        counts.false_negatives,
        is_random=True,
    )


def _describe_deployments(
    compared: ComparedVersion, names: dict[UUID, str], deployments: set[UUID]
) -> list[DeploymentQuality]:
    found = []
    keys = {key for key, _ in compared.groups if not deployments or key in deployments}
    for key in sorted(keys, key=lambda one: names.get(one, "")):
        groups = [group for of, group in compared.groups if of == key]
        cases = count_all(groups, compared.classes)
        random, biased = _assess("", cases.recall), _assess("", cases.biased)
        found.append(
            DeploymentQuality(
                deployment_id=key,
                name=names.get(key, ""),
                images=sum(group.images for group in groups),
                precision=describe_proportion(random.precision),
                recall=describe_proportion(random.recall),
                f1=describe_proportion(random.f1),
                biased_precision=describe_proportion(biased.precision),
                biased_recall=describe_proportion(biased.recall),
                biased_f1=describe_proportion(biased.f1),
            )
        )
    return found


def describe_proportion(found: Proportion | TooFewData) -> ProportionEstimate:
    """Describe a proportion with its interval; nulls without data."""
    if isinstance(found, TooFewData):
        return ProportionEstimate(part=0, whole=0, value=None, interval=None)
    return ProportionEstimate(
        part=found.successes,
        whole=found.trials,
        value=found.estimate,
        interval=Interval(low=found.interval.lower, high=found.interval.upper),
    )


async def _list_samples(scope: Scope, tx: Transaction, project_id: int) -> list[AuditSample]:
    statement = (
        select_review_sets(scope, project_id, closed=False)
        .where(ReviewSetRow.kind == ReviewSetKind.RANDOM_AUDIT.value)
        .order_by(ReviewSetRow.created_at.desc(), ReviewSetRow.id.desc())
        .limit(MOST_SAMPLES)
    )
    samples = []
    for row in (await tx.session.scalars(statement)).all():
        counts = await count_items(scope, tx, row, scope.user_id)
        samples.append(
            AuditSample(
                set_id=row.id,
                name=row.name,
                class_name=row.audit_class,
                source=row.audit_source,
                images=counts.items,
                done=counts.done,
                created_at=row.created_at,
            )
        )
    return samples


async def get_model_comparison(
    system: AppContext, scope: Scope, project_id: int, first: str, second: str
) -> ModelComparison:
    """Compare two model versions on the same reviewed images. Raises NotFound, Unprocessable.

    Without an image that both analysed and people reviewed, all counts are 0.
    """
    if first == second:
        reason = "must be another version than first"
        raise Unprocessable(f"second: {reason}.", [("second", reason)])
    parse_source(first, "first")
    parse_source(second, "second")
    async with system.database.transaction(scope) as tx:
        of = await get_current_set(scope, tx, project_id)
        one = await find_model_pair(scope, tx, project_id, first)
        other = await find_model_pair(scope, tx, project_id, second)
        cells = []
        if one is not None and other is not None:
            cells = await count_agreements(scope, tx, project_id, of.id, one, other)
    is_random = any(random for random, *_ in cells)
    counted = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for random, is_first, is_second, images in cells:
        if random or not is_random:
            counted[is_first, is_second] += images
    images = sum(counted.values())
    only_first, only_second = counted[True, False], counted[False, True]
    return ModelComparison(
        first=first,
        second=second,
        random=is_random,
        images=images,
        both=counted[True, True],
        only_first=only_first,
        only_second=only_second,
        neither=counted[False, False],
        p_value=compute_exact_mcnemar(only_first, only_second) if images else None,
        notes=list_bias_notes(has_random=is_random) if images else [],
    )
