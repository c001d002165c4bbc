"""Attribution: which stored revision of an algorithm each finding of a result is by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trapline.server.db.base import Transaction
from trapline.server.db.line.claim import LeasableJob
from trapline.server.db.registration import find_algorithms, put_unregistered, read_labels
from trapline.server.exchange.findings import KnownAlgorithm
from trapline.server.exchange.results import Revision, Success, list_algorithms
from trapline.server.rules.access import Scope
from trapline.server.system import System


@dataclass
class Attributed:
    """The algorithms that some results name, as they are stored."""

    algorithms: Mapping[Revision, KnownAlgorithm] = field(default_factory=dict)

    def of(self, result: Success) -> dict[str, KnownAlgorithm]:
        """Those that this result names, by their keys."""
        return {revision.key: self.algorithms[revision] for revision in list_algorithms(result)}


async def attribute(
    system: System, scope: Scope, tx: Transaction, job: LeasableJob, content: bytes, results: Sequence[Success]
) -> Attributed:
    """Find the algorithms that results name. `content` is the hash of what the job's pipeline is made of now.

    A result that tells a version is by that revision, wherever it is registered; one that tells none is by the
    pipeline's own. What nobody registered is kept by key and name.
    """
    named: dict[Revision, str] = {}
    for result in results:
        named.update(list_algorithms(result))
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
    return Attributed(
        {
            revision: KnownAlgorithm(algorithm_id, sha256, (sha256 and system.known.labels.find(sha256)) or ())
            for revision, (algorithm_id, sha256) in found.items()
        }
    )


async def _find(
    scope: Scope, tx: Transaction, job: LeasableJob, revisions: Sequence[Revision]
) -> dict[Revision, tuple[int, bytes | None]]:
    found = await find_algorithms(scope, tx, job.project_id, job.pipeline_id, list(revisions))
    return {Revision(key, version): algorithm for (key, version), algorithm in found.items()}
