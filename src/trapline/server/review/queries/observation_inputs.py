"""Load what the observations of images are derived from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from trapline.server.findings.queries.annotations import CONFIDENCE
from trapline.server.findings.rules.extents import find_extent
from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.findings.rules.packed_data import unpack_data
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observation_rows import DETAILS
from trapline.server.review.queries.observation_sets import (
    ObservationSet,
    add_names,
    get_taxon_key,
)
from trapline.server.review.queries.simple_derivation import CURRENT_ANALYSES
from trapline.server.review.rules.model_observations import (
    UNNAMED,
    name_box,
    select_findings,
)
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    FindingInput,
    HumanBox,
    ImageInput,
    Meaning,
    StatedTaxon,
    StatementInput,
)
from trapline.wire.auth import Role
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observations import ObservationKind

EXPERTS = frozenset({Role.OWNER.value, Role.MANAGER.value})
"""The roles whose identifications outrank those of reviewers under the rule `expert`."""

_FINDINGS = f"""
    select n.analysis_id, n.id, n.annotation_type, coalesce(n.class_name, guess.label),
        coalesce({CONFIDENCE}, guess.score), n.parent_id, n.ordering, n.class_name, n.algorithm_id,
        case n.data->'terminal' when 'true' then true when 'false' then false end,
        n.data->>'empty' = 'true',
        case when n.annotation_type <> 'classification' then n.data end
    from annotations n
    left join lateral (
        select one->>'class' as label, (one->>'confidence')::float8 as score
        from jsonb_array_elements(case when jsonb_typeof(n.data->'topk') = 'array'
            then n.data->'topk' end)
            with ordinality as topk (one, place)
        order by score desc nulls last, place limit 1
    ) guess on n.annotation_type = 'classification' and n.class_name is null
    where n.analysis_id = any(%(analyses)s)
        and n.annotation_type not in ('custom', 'heatmap', 'mask')
    order by n.analysis_id, n.id
"""  # noqa: S608 - made of constants
_STATEMENTS = """
    select d.id, d.image_id, d.annotation_id, d.analysis_id, d.kind, d.taxon_id, d.label, d.count,
        d.sex, d.life_stage, d.behaviour, d.individual_id, d.made_by, d.created_at, d.taxa,
        d.confirmed, d.sequence_id, d.applies_to_all, d.role
    from identifications d
    where d.image_id = any(%(images)b) and d.withdrawn_at is null and d.kind <> 'comment'
    order by d.created_at, d.id
"""
_BOXES = """
    select b.id, b.image_id, b.taxon_id, b.label, b.count, b.sex, b.life_stage, b.behaviour,
        b.individual_id, coalesce(b.stated_by, b.made_by), coalesce(b.stated_at, b.updated_at),
        b.created_at, b.named_at, b.supersedes, b.x_min, b.y_min, b.x_max, b.y_max
    from human_boxes b where b.image_id = any(%(images)b) and b.withdrawn_at is null
    order by 11, b.id
"""
VERSIONS = """
    select z.id, z.image_id, z.model_name, z.model_version, z.completed_at from (
        select distinct on (a.image_id, a.model_name, a.model_version) a.id, a.image_id,
            a.model_name, a.model_version, coalesce(a.completed_at, a.created_at) as completed_at
        from analyses a where a.image_id = any(%(images)b) and a.state = 'completed'
            and not a.simulated and a.model_name = any(%(pipelines)s)
        order by a.image_id, a.model_name, a.model_version, a.created_at desc, a.id desc
    ) z where exists (
        select from annotations n where n.analysis_id = z.id
            and n.annotation_type not in ('custom', 'heatmap', 'mask')
    ) or not exists (select from annotations n where n.analysis_id = z.id)
    order by z.image_id, z.id
"""
_SUBJECTS = """
    select n.id, n.analysis_id from annotations n join analyses a on a.id = n.analysis_id
    where n.id = any(%(keys)s) and a.state = 'completed' and not a.simulated
"""


@dataclass(frozen=True)
class _Statement:
    """An identification as it is stored."""

    id: UUID
    image_id: UUID
    annotation_id: UUID | None
    analysis_id: UUID | None
    kind: IdentificationKind
    taxon_id: UUID | None
    label: str | None
    details: Mapping[str, Any]
    made_by: str
    created_at: Any
    taxa: Sequence[Mapping[str, Any]] | None
    confirmed: Sequence[Mapping[str, Any]] | None
    sequence_id: UUID | None
    applies_to_all: bool
    role: str | None

    def list_taxa(self) -> list[Mapping[str, Any]]:
        """List the taxa that it names, as `label`, `taxon` and details."""
        if self.kind is IdentificationKind.CORRECT:
            return list(self.taxa or ()) or [
                {"label": self.label, "taxon": self.taxon_id, **self.details}
            ]
        return list(self.confirmed or ())


@dataclass(frozen=True)
class _DrawnBox:
    """A box of a person as it is stored."""

    id: UUID
    image_id: UUID
    taxon: Mapping[str, Any]
    by: str
    at: datetime
    drawn_at: datetime
    named_at: datetime
    supersedes: UUID | None
    box: PixelBox


async def _list_drawn(tx: Transaction, parameters: Mapping[str, Any]) -> list[_DrawnBox]:
    cursor = await tx.execute(_BOXES, parameters)
    return [
        _DrawnBox(
            id=row[0],
            image_id=row[1],
            taxon={"taxon": row[2], "label": row[3], **dict(zip(DETAILS, row[4:9], strict=True))},
            by=row[9],
            at=row[10],
            drawn_at=row[11],
            named_at=row[12],
            supersedes=row[13],
            box=PixelBox(*row[14:]),
        )
        for row in await cursor.fetchall()
    ]


async def load_inputs(
    scope: Scope,
    tx: Transaction,
    of: ObservationSet,
    settings: DerivationSettings,
    images: Collection[UUID],
) -> list[ImageInput]:
    """Load what is known about images, the newest completed analysis of each pipeline included."""
    parameters: dict[str, Any] = {"set": of.id, "images": sorted(images)}
    cursor = await tx.execute(
        f"with {CURRENT_ANALYSES} select c.id, c.image_id, a.model_name, "  # noqa: S608
        "coalesce(a.completed_at, a.created_at) from current c join analyses a on a.id = c.id "
        "order by c.rank, c.id",
        parameters,
    )
    # A pipeline whose first result was stored after the settings were read has no rank in them.
    current = [one for one in await cursor.fetchall() if one[2] in settings.ranks]
    compared = [*settings.ranks, *of.list_replaced_pipelines()]
    cursor = await tx.execute(VERSIONS, {**parameters, "pipelines": compared})
    versions = await cursor.fetchall()
    cursor = await tx.execute(_STATEMENTS, parameters)
    statements = [
        _Statement(
            row[0], row[1], row[2], row[3], IdentificationKind(row[4]), row[5], row[6],
            dict(zip(DETAILS, row[7:12], strict=True)),
            *row[12:],
        )
        for row in await cursor.fetchall()
    ]  # fmt: skip
    drawn = await _list_drawn(tx, parameters)
    subjects = {one.annotation_id for one in statements if one.annotation_id is not None}
    subjects |= {one.supersedes for one in drawn if one.supersedes is not None}
    cursor = await tx.execute(_SUBJECTS, {"keys": list(subjects)})
    of_subjects = {analysis for _, analysis in await cursor.fetchall()}
    confirmed = {one.analysis_id for one in statements if one.confirmed is None and one.analysis_id}
    analyses = {key for key, *_ in (*current, *versions)} | of_subjects | confirmed
    named = [taxon for statement in statements for taxon in statement.list_taxa()]
    named += [one.taxon for one in drawn]
    findings = await load_findings(scope, tx, of, analyses, named)
    return _Inputs(settings, findings.meanings, findings.by_analysis).build(
        images, current, versions, statements, drawn
    )


@dataclass(frozen=True)
class LoadedFindings:
    """Findings by analysis, and the meanings of their labels."""

    by_analysis: Mapping[UUID, tuple[FindingInput, ...]]
    meanings: Mapping[str, Meaning]


async def load_findings(
    scope: Scope,
    tx: Transaction,
    of: ObservationSet,
    analyses: Collection[UUID],
    named: Iterable[Mapping[str, Any]],
) -> LoadedFindings:
    """Load the findings of analyses, and the meanings of their labels and of `named` taxa."""
    cursor = await tx.execute(_FINDINGS, {"analyses": sorted(analyses)})
    rows = await cursor.fetchall()
    keys = {row[3] for row in rows if row[3] is not None}
    for taxon in named:
        keys |= set(_list_keys(taxon))
    meanings = await add_names(scope, tx, of, keys)
    by_analysis: dict[UUID, list[FindingInput]] = {key: [] for key in analyses}
    for analysis_id, key, kind, label, score, parent, ordering, *more in rows:
        class_name, algorithm, terminal, is_empty, data = more
        extent = None
        if data is not None:
            extent = find_extent(kind, unpack_data(data, class_name, algorithm))
        by_analysis[analysis_id].append(
            FindingInput(
                id=key,
                analysis_id=analysis_id,
                is_classification=kind == "classification",
                label=label,
                named=meanings.get(label) if label is not None else None,
                score=score,
                parent_id=None if kind == "bounding_box" else parent,
                ordering=ordering or 0,
                terminal=terminal,
                algorithm_id=algorithm,
                box=extent,
                is_empty=bool(is_empty),
            )
        )
    return LoadedFindings({key: tuple(found) for key, found in by_analysis.items()}, meanings)


def _list_keys(taxon: Mapping[str, Any]) -> list[str]:
    keys = [get_taxon_key(taxon["taxon"])] if taxon.get("taxon") else []
    return [*keys, taxon["label"]] if taxon.get("label") else keys


class _Inputs:
    """Builds the inputs of images from loaded rows."""

    def __init__(
        self,
        settings: DerivationSettings,
        meanings: Mapping[str, Meaning],
        findings: Mapping[UUID, tuple[FindingInput, ...]],
    ) -> None:
        self._settings, self._meanings, self._findings = settings, meanings, findings
        self._by_id = {one.id: one for each in findings.values() for one in each}

    def build(
        self,
        images: Iterable[UUID],
        current: Iterable[tuple[UUID, UUID, str, Any]],
        versions: Iterable[tuple[UUID, UUID, str, str, Any]],
        statements: Iterable[_Statement],
        drawn: Iterable[_DrawnBox],
    ) -> list[ImageInput]:
        """Build the inputs in the order of the images' ids."""
        analyses: dict[UUID, list[AnalysisInput]] = {key: [] for key in images}
        for key, image_id, model_name, completed_at in current:
            one = AnalysisInput(key, model_name, completed_at, self._findings[key])
            analyses[image_id].append(one)
        compared: dict[UUID, list[AnalysisInput]] = {key: [] for key in images}
        for key, image_id, name, version, completed_at in versions:
            found = self._findings[key]
            compared[image_id].append(AnalysisInput(key, name, completed_at, found, version))
        stated: dict[UUID, list[StatementInput]] = {key: [] for key in images}
        for statement in statements:
            stated[statement.image_id].append(self._state(statement))
        boxes: dict[UUID, list[HumanBox]] = {key: [] for key in images}
        for box in drawn:
            boxes[box.image_id].append(self._read_box(box))
        inputs = []
        for key in sorted(analyses):
            there = {one.id for each in analyses[key] for one in each.findings}
            about = {one.subject for one in stated[key] if one.subject is not None}
            about |= {one.supersedes for one in boxes[key] if one.supersedes is not None}
            about -= there
            earlier = [self._by_id[subject] for subject in sorted(about) if subject in self._by_id]
            inputs.append(
                ImageInput(
                    key,
                    tuple(analyses[key]),
                    tuple(stated[key]),
                    tuple(boxes[key]),
                    tuple(earlier),
                    tuple(compared[key]),
                )
            )
        return inputs

    def _state(self, statement: _Statement) -> StatementInput:
        subject = statement.annotation_id
        found = self._by_id.get(subject) if subject is not None else None
        if found is not None and found.parent_id in self._by_id:
            # A statement about the classification of a box is about the box.
            subject = found.parent_id
        taxa = [self._read_taxon(one) for one in statement.list_taxa()]
        if statement.kind is IdentificationKind.CONFIRM and statement.confirmed is None:
            taxa = self._find_confirmed(statement, subject)
        if statement.kind is IdentificationKind.CONFIRM and len(taxa) == 1:
            given = {name: value for name, value in statement.details.items() if value is not None}
            taxa = [replace(taxa[0], **given)]
        return StatementInput(
            id=statement.id,
            kind=statement.kind,
            by=statement.made_by,
            at=statement.created_at,
            subject=subject,
            taxa=tuple(taxa),
            of_sequence=statement.sequence_id is not None,
            applies_to_all=statement.applies_to_all,
            by_expert=statement.role in EXPERTS,
        )

    def _read_box(self, drawn: _DrawnBox) -> HumanBox:
        return HumanBox(
            id=drawn.id,
            taxon=self._read_taxon(drawn.taxon),
            by=drawn.by,
            at=drawn.at,
            box=drawn.box,
            supersedes=drawn.supersedes,
            drawn_at=drawn.drawn_at,
            named_at=drawn.named_at,
        )

    def _read_taxon(self, taxon: Mapping[str, Any]) -> StatedTaxon:
        label = taxon.get("label") or ""
        known = [self._meanings[key] for key in _list_keys(taxon) if key in self._meanings]
        named = known[0] if known else Meaning(label, ObservationKind.UNKNOWN)
        subject = taxon.get("subject")
        return StatedTaxon(
            named=named,
            label=label,
            count=taxon.get("count"),
            sex=taxon.get("sex"),
            life_stage=taxon.get("life_stage"),
            behaviour=taxon.get("behaviour"),
            individual_id=taxon.get("individual_id"),
            subject=UUID(subject) if subject else None,
        )

    def _find_confirmed(self, statement: _Statement, subject: UUID | None) -> list[StatedTaxon]:
        """Find what a confirmation without a record of it confirmed: the findings at that time."""
        if subject is not None:
            found = self._by_id.get(subject)
            if found is None:
                return []
            children = [one for one in self._by_id.values() if one.parent_id == subject]
            namer = (
                found if found.is_classification else name_box(found, children, self._settings)[1]
            )
            if namer is None or namer.named is None:
                return [StatedTaxon(UNNAMED, "", subject=subject)]
            return [StatedTaxon(namer.named, namer.label or "", subject=subject)]
        key = statement.analysis_id
        if key is None or key not in self._findings:
            return []
        analysis = AnalysisInput(key, "", statement.created_at, self._findings[key])
        kept = replace(
            self._settings, detection_threshold=0, classification_threshold=0, ranks={"": 0}
        )
        selected = select_findings(analysis, kept)
        return [
            StatedTaxon(
                one.named,
                one.namer.label or "",
                1 if not one.found.is_classification else None,
                subject=None if one.found.is_classification else one.found.id,
            )
            for one in (*selected.boxes, *selected.classifications)
        ]
