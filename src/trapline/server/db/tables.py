"""Every table, by importing the files that hold them: what migrations and their test compare with."""

from trapline.server.db import (
    analyses,
    annotations,
    artifacts,
    audit,
    callback_keys,
    deployments,
    idempotency,
    images,
    job_downloads,
    jobs,
    notices,
    people,
    pipelines,
    presets,
    projects,
    source_connections,
    sources,
    webhooks,
    workers,
)
from trapline.server.db.row import Row

TABLES = (
    people,
    projects,
    deployments,
    images,
    sources,
    source_connections,
    pipelines,
    presets,
    workers,
    jobs,
    job_downloads,
    analyses,
    annotations,
    artifacts,
    callback_keys,
    audit,
    idempotency,
    webhooks,
    notices,
)
metadata = Row.metadata
