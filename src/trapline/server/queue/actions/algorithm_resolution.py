"""Resolve the algorithms that results name to stored revisions."""

from collections.abc import Sequence

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.formats.result_decoding import (
    AlgorithmRevision,
    SuccessStruct,
    list_algorithms,
)
from trapline.server.queue.formats.result_rows import StoredAlgorithm
from trapline.server.queue.queries.claim import LeasableJob
from trapline.server.queue.queries.pipeline_registration import (
    create_unregistered_algorithms,
    list_algorithm_rows,
    list_labels,
)
from trapline.server.queue.queries.queue_caches import QueueCaches


async def resolve_algorithms(
    system: AppContext,
    scope: Scope,
    tx: Transaction,
    job: LeasableJob,
    content: bytes,
    results: Sequence[SuccessStruct],
) -> list[dict[str, StoredAlgorithm]]:
    """Return the stored algorithms that each result names, by key.

    `content` is the hash of the job's pipeline. A result with a version refers to that revision, in
    any pipeline; a result without one refers to the revision of its pipeline. An algorithm that is
    not registered is stored with its key and name.
    """
    of_each = [list_algorithms(result) for result in results]
    named = {revision: name for of_one in of_each for revision, name in of_one.items()}
    known = {
        revision: system.part(QueueCaches).algorithms.get(
            (job.pipeline_id, content, revision.key, revision.version)
        )
        for revision in named
    }
    found = {revision: algorithm for revision, algorithm in known.items() if algorithm is not None}
    if asked := [revision for revision in named if revision not in found]:
        own = await _find(scope, tx, job, asked)
        for revision, algorithm in own.items():
            system.part(QueueCaches).algorithms.keep(
                (job.pipeline_id, content, revision.key, revision.version), algorithm
            )
        found |= own
    if missing := {revision.key: name for revision, name in named.items() if revision not in found}:
        await create_unregistered_algorithms(scope, tx, job.project_id, missing)
        found |= await _find(
            scope, tx, job, [revision for revision in named if revision not in found]
        )
    hashes = {sha256 for _, sha256 in found.values() if sha256}
    unknown = [sha256 for sha256 in hashes if system.part(QueueCaches).labels.get(sha256) is None]
    for sha256, labels in (await list_labels(scope, tx, unknown)).items():
        system.part(QueueCaches).labels.keep(sha256, labels)
    algorithms = {
        revision: StoredAlgorithm(
            algorithm_id, sha256, (sha256 and system.part(QueueCaches).labels.get(sha256)) or ()
        )
        for revision, (algorithm_id, sha256) in found.items()
    }
    return [{revision.key: algorithms[revision] for revision in of_one} for of_one in of_each]


async def _find(
    scope: Scope, tx: Transaction, job: LeasableJob, revisions: Sequence[AlgorithmRevision]
) -> dict[AlgorithmRevision, tuple[int, bytes | None]]:
    found = await list_algorithm_rows(scope, tx, job.project_id, job.pipeline_id, list(revisions))
    return {
        AlgorithmRevision(key, version): algorithm for (key, version), algorithm in found.items()
    }
