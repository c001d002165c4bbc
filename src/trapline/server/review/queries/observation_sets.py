"""Sets of observations: their settings, and the meaning of names and pipelines in them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observation_rows import CURRENT
from trapline.server.review.rules.name_meanings import (
    AcceptedTaxon,
    NamingRules,
    resolve_label,
    resolve_taxon,
)
from trapline.server.review.rules.observation_inputs import (
    DerivationSettings,
    Meaning,
)
from trapline.server.review.rules.pipeline_competence import PipelineTargets
from trapline.wire.observation_settings import DecisionRule
from trapline.wire.observations import ObservationKind

TAXON_KEY = "taxon:"
"""The prefix of the key of a taxon; its ID follows."""
NEW_SETTINGS: Mapping[str, Any] = {
    "detection_threshold": 0.2,
    "classification_threshold": 0.5,
    "combines": True,
}
"""The settings of a new project."""


@dataclass(frozen=True)
class ObservationSet:
    """A set of observations with its settings as they are stored."""

    id: int
    project_id: int
    state: str
    settings: Mapping[str, Any]

    def list_replaced_pipelines(self) -> list[str]:
        """List the pipelines that another one replaces, whose analyses count no longer."""
        return [
            one["name"]
            for one in self.settings.get("pipelines", ())
            if one.get("counts") is not False
            and (one.get("superseded") or one.get("superseded_by"))
        ]

    def build_settings(self, ranks: Mapping[str, int]) -> DerivationSettings:
        """Build the settings of a derivation; `ranks` are the pipelines that count."""
        given = self.settings
        return DerivationSettings(
            detection_threshold=given["detection_threshold"],
            classification_threshold=given["classification_threshold"],
            review_threshold=given.get("review_threshold", 0.0),
            combines=given.get("combines", True),
            rule=DecisionRule(given.get("rule", DecisionRule.LATEST)),
            agreement=given.get("agreement", 2),
            ranks=ranks,
        )


async def list_active_sets(scope: Scope, tx: Transaction, project_id: int) -> list[ObservationSet]:
    """List the sets that are kept up to date: the current one, and the one that is being built.

    The first call for a project creates its current set.
    """
    query = (
        "select id, project_id, state, settings from observation_sets "
        "where project_id = %s and state <> 'retired' order by state desc"
    )
    rows = await (await tx.execute(query, (project_id,))).fetchall()
    if not any(state == CURRENT for _, _, state, _ in rows):
        await tx.execute(
            """
            with created as (
                insert into observation_sets (project_id, state, settings, finished_at)
                values (%s, 'current', %s, clock_timestamp())
                on conflict (project_id, state) where state <> 'retired' do nothing returning id
            )
            update projects p set observation_set_id = c.id from created c where p.id = %s
            """,
            (project_id, Jsonb(dict(NEW_SETTINGS)), project_id),
        )
        rows = await (await tx.execute(query, (project_id,))).fetchall()
    return [ObservationSet(*row) for row in rows]


async def add_pipelines(
    scope: Scope, tx: Transaction, of: ObservationSet, model_names: Collection[str]
) -> None:
    """Decide for pipelines that are new in a set whether they count, and with what priority.

    The order and exceptions are in the settings: `pipelines`, a list of objects with `name`, and
    optionally `counts`, `superseded` and `superseded_by`. Other pipelines follow in the order of
    their names.
    """
    cursor = await tx.execute(
        "select name from unnest(%s::text[]) as given (name) where not exists (select from "
        "observation_pipelines where set_id = %s and model_name = name) order by name",
        (sorted(model_names), of.id),
    )
    new = [name for (name,) in await cursor.fetchall()]
    if not new:
        return
    ranks = {one["name"]: place for place, one in enumerate(_listed(of))}
    counting = await list_counting(scope, tx, of, new)
    rows = [(of.id, name, ranks.get(name, len(ranks)), name in counting) for name in new]
    await tx.execute(
        "insert into observation_pipelines (set_id, model_name, rank, counts) "
        "select * from unnest(%s::bigint[], %s::text[], %s::integer[], %s::boolean[]) "
        "on conflict do nothing",
        tuple(map(list, zip(*rows, strict=True))),
    )


def _listed(of: ObservationSet) -> list[dict[str, Any]]:
    return list(of.settings.get("pipelines", ()))


async def list_counting(
    scope: Scope, tx: Transaction, of: ObservationSet, names: Collection[str]
) -> set[str]:
    """List the pipelines that count by the settings of a set and by what they look for."""
    choices = {one["name"]: one for one in _listed(of)}
    targets = await list_pipeline_targets(scope, tx, of.project_id, names)
    counting = set()
    for name in names:
        choice = choices.get(name, {})
        counts = choice.get("counts")
        if counts is None:
            counts = targets[name].is_competent()
        if counts and not (choice.get("superseded") or choice.get("superseded_by")):
            counting.add(name)
    return counting


async def list_pipeline_targets(
    scope: Scope, tx: Transaction, project_id: int, names: Collection[str]
) -> dict[str, PipelineTargets]:
    """List what pipelines look for: by their algorithms, or as they declared it.

    A declaration has no effect on a pipeline of workers with the same name.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select p.slug, array_agg(distinct g.task_type) filter (where g.task_type is not null),
            array_agg(distinct l.label) filter (where l.label is not null)
        from pipelines p join pipeline_algorithms x on x.pipeline_id = p.id
        join algorithms g on g.id = x.algorithm_id
        left join category_maps m on m.sha256 = g.map_sha256
        left join lateral unnest(m.labels) as l (label) on true
        where p.project_id = %s and p.slug = any(%s) group by 1
        """,
        (project_id, list(names)),
    )
    known = {
        slug: PipelineTargets((), tasks or [], labels or [])
        for slug, tasks, labels in await cursor.fetchall()
    }
    declared = await list_declarations(scope, tx, project_id, names)
    return {name: known.get(name) or PipelineTargets(declared.get(name, ())) for name in names}


async def list_declarations(
    scope: Scope, tx: Transaction, project_id: int, names: Collection[str]
) -> dict[str, list[str]]:
    """List what external pipelines declared that they look for."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select model_name, looks_for from pipeline_declarations "
        "where project_id = %s and model_name = any(%s)",
        (project_id, list(names)),
    )
    return dict(await cursor.fetchall())


async def upsert_declaration(
    scope: Scope, tx: Transaction, project_id: int, model_name: str, looks_for: Sequence[str]
) -> None:
    """Store what an external pipeline declares that it looks for."""
    scope.check(project_id)
    await tx.execute(
        "insert into pipeline_declarations (project_id, model_name, looks_for) values (%s, %s, %s) "
        "on conflict (project_id, model_name) do update set looks_for = excluded.looks_for",
        (project_id, model_name, list(looks_for)),
    )


async def list_ranks(scope: Scope, tx: Transaction, of: ObservationSet) -> dict[str, int]:
    """List the priorities of the pipelines that count."""
    cursor = await tx.execute(
        "select model_name, rank from observation_pipelines where set_id = %s and counts", (of.id,)
    )
    return dict(await cursor.fetchall())


async def add_names(
    scope: Scope, tx: Transaction, of: ObservationSet, keys: Iterable[str]
) -> dict[str, Meaning]:
    """Look up what names mean in a set, and decide it for those that are new.

    A key is a label, or the key of a taxon (`get_taxon_key`). Keys of taxa that are not of the
    project are left out.
    """
    wanted = sorted(set(keys))
    known = await _list_meanings(tx, of.id, wanted)
    new = [key for key in wanted if key not in known]
    if not new:
        return known
    rules, taxa = await _load_naming_rules(tx, of, new)
    found: dict[str, Meaning] = {}
    for key in new:
        if not key.startswith(TAXON_KEY):
            found[key] = resolve_label(key, rules)
        elif key in taxa:
            found[key] = resolve_taxon(taxa[key], rules)
    if found:
        # One name at a time: an array of arrays would need lineages of the same length.
        for key in sorted(found):
            one = found[key]
            await tx.execute(
                """
                insert into name_meanings (set_id, key, name, kind, taxon_id, lineage, specificity,
                    detection_threshold)
                values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing
                """,
                (
                    of.id, key, one.name, one.kind.value, one.taxon_id, sorted(one.lineage),
                    one.specificity, one.detection_threshold,
                ),
            )  # fmt: skip
        # A row of another transaction that came first counts.
        known |= await _list_meanings(tx, of.id, list(found))
    return known


def get_taxon_key(taxon_id: UUID | str) -> str:
    """Return the key of a taxon."""
    return f"{TAXON_KEY}{taxon_id}"


async def _list_meanings(tx: Transaction, set_id: int, keys: Collection[str]) -> dict[str, Meaning]:
    cursor = await tx.execute(
        "select key, name, kind, taxon_id, lineage, specificity, detection_threshold "
        "from name_meanings where set_id = %s and key = any(%s)",
        (set_id, list(keys)),
    )
    return {
        key: Meaning(
            name, ObservationKind(kind), taxon_id, frozenset(lineage), specificity, threshold
        )
        for key, name, kind, taxon_id, lineage, specificity, threshold in await cursor.fetchall()
    }


async def _load_naming_rules(
    tx: Transaction, of: ObservationSet, keys: Collection[str]
) -> tuple[NamingRules, dict[str, AcceptedTaxon]]:
    """Load the taxa of labels and of keys, each the accepted one."""
    cursor = await tx.execute(
        """
        select k.key, c.id, c.scientific_name, c.rank, c.higher_ranks, c.common_names
        from (
            select l.label as key, l.taxon_id from taxon_labels l
            where l.project_id = %(project)s and l.label = any(%(keys)s)
            union all
            select 'taxon:' || t.id, t.id from taxa t
            where t.project_id = %(project)s and 'taxon:' || t.id = any(%(keys)s)
        ) k join taxa t on t.id = k.taxon_id join taxa c on c.id = coalesce(t.accepted_id, t.id)
        """,
        {"project": of.project_id, "keys": list(keys)},
    )
    taxa = {
        key: AcceptedTaxon(
            taxon_id,
            name,
            rank,
            {rank: str(value) for rank, value in higher.items() if isinstance(value, str)},
            [one for names in common.values() for one in names],
        )
        for key, taxon_id, name, rank, higher, common in await cursor.fetchall()
    }
    rules = NamingRules(
        {key: taxon for key, taxon in taxa.items() if not key.startswith(TAXON_KEY)},
        frozenset(label.lower() for label in of.settings.get("blank_labels", ())),
        of.settings.get("class_thresholds", {}),
    )
    return rules, taxa
