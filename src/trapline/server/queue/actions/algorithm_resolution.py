"""Attribution: which stored revision of an algorithm each finding of a result is by."""

from collections.abc import Sequence

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.formats.result_decoding import Revision, Success, list_algorithms
from trapline.server.queue.formats.result_rows import KnownAlgorithm
from trapline.server.queue.queries.claim import LeasableJob
from trapline.server.queue.queries.pipeline_registration import find_algorithms, put_unregistered, read_labels


async def attribute(
    system: System, scope: Scope, tx: Transaction, job: LeasableJob, content: bytes, results: Sequence[Success]
) -> list[dict[str, KnownAlgorithm]]:
    """Find for each result the algorithms that it names, by key. `content` is the hash of the job's pipeline as it is.

    A result that tells a version is by that revision, wherever it is registered; one that tells none is by the
    pipeline's own. What nobody registered is kept by key and name.
    """
    of_each = [list_algorithms(result) for result in results]
    named = {revision: name for of_one in of_each for revision, name in of_one.items()}
    known = {
        revision: system.known.algorithms.find((job.pipeline_id, content, revision.key, revision.version))
        for revision in named
    }
    found = {revision: algorithm for revision, algorithm in known.items() if algorithm is not None}
    if asked := [revision for revision in named if revision not in found]:
        own = await _find(scope, tx, job, asked)
        for revision, algorithm in own.items():
            system.known.algorithms.keep((job.pipeline_id, content, revision.key, revision.version), algorithm)
        found |= own
    if missing := {revision.key: name for revision, name in named.items() if revision not in found}:
        await put_unregistered(scope, tx, job.project_id, missing)
        found |= await _find(scope, tx, job, [revision for revision in named if revision not in found])
    hashes = {sha256 for _, sha256 in found.values() if sha256}
    unknown = [sha256 for sha256 in hashes if system.known.labels.find(sha256) is None]
    for sha256, labels in (await read_labels(scope, tx, unknown)).items():
        system.known.labels.keep(sha256, labels)
    algorithms = {
        revision: KnownAlgorithm(algorithm_id, sha256, (sha256 and system.known.labels.find(sha256)) or ())
        for revision, (algorithm_id, sha256) in found.items()
    }
    return [{revision.key: algorithms[revision] for revision in of_one} for of_one in of_each]


async def _find(
    scope: Scope, tx: Transaction, job: LeasableJob, revisions: Sequence[Revision]
) -> dict[Revision, tuple[int, bytes | None]]:
    found = await find_algorithms(scope, tx, job.project_id, job.pipeline_id, list(revisions))
    return {Revision(key, version): algorithm for (key, version), algorithm in found.items()}
