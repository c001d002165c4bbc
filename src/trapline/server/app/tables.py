"""All tables, imported from their modules; migrations and their test compare with them."""

from trapline.server.accounts.queries import accounts, sign_in_failures
from trapline.server.catalogue.queries import saved_views
from trapline.server.exports.queries import exports
from trapline.server.external.queries import artifacts, callback_keys
from trapline.server.findings.queries import algorithm_rows, analyses, annotations, day_counts
from trapline.server.images.queries import (
    deployments,
    image_deletion,
    images,
    sequence_marks,
    sequences,
    staged_files,
)
from trapline.server.imports.queries import imported_ids, imports
from trapline.server.notifications.queries import notices, webhooks
from trapline.server.operations.queries import file_checks
from trapline.server.platform.db import audit, host_rate_limits, idempotency
from trapline.server.platform.db.row import Row
from trapline.server.projects.queries import projects
from trapline.server.queue.queries import (
    job_downloads,
    jobs,
    pipelines,
    presets,
    workers,
)
from trapline.server.review.queries import (
    answer_pairs,
    bulk_identifications,
    human_boxes,
    identifications,
    observation_rows,
    palettes,
    review_sets,
    sensitive_taxa,
    taxa,
)
from trapline.server.sources.queries import source_connections, sources

TABLES = (
    accounts,
    sign_in_failures,
    projects,
    deployments,
    sequences,
    images,
    sequence_marks,
    day_counts,
    image_deletion,
    staged_files,
    file_checks,
    sources,
    source_connections,
    algorithm_rows,
    pipelines,
    presets,
    workers,
    jobs,
    job_downloads,
    host_rate_limits,
    analyses,
    annotations,
    artifacts,
    taxa,
    sensitive_taxa,
    palettes,
    identifications,
    bulk_identifications,
    human_boxes,
    observation_rows,
    review_sets,
    answer_pairs,
    saved_views,
    exports,
    imports,
    imported_ids,
    callback_keys,
    audit,
    idempotency,
    webhooks,
    notices,
)
metadata = Row.metadata
