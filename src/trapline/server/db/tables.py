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
    jobs,
    people,
    pipelines,
    projects,
    source_connections,
    sources,
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
    workers,
    jobs,
    analyses,
    annotations,
    artifacts,
    callback_keys,
    audit,
    idempotency,
)
metadata = Row.metadata
