"""Every table, by importing the files that hold them: what migrations and their test compare with."""

from trapline.server.db import (
    analyses,
    annotations,
    audit,
    deployments,
    idempotency,
    images,
    jobs,
    people,
    pipelines,
    projects,
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
    pipelines,
    workers,
    jobs,
    analyses,
    annotations,
    audit,
    idempotency,
)
metadata = Row.metadata
