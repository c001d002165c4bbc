"""The list of all hooks, each with the functions of higher domains that it calls."""

from trapline.server.external.actions import artifacts
from trapline.server.images.actions.default_deployment import create_default_deployment
from trapline.server.images.hooks import (
    artifact_uploaded,
    deployment_in_use,
    file_repaired,
    image_added,
)
from trapline.server.images.queries.sequences import reset_changed_sequences
from trapline.server.notifications.actions.nats_subjects import create_project_subject
from trapline.server.operations.queries.file_checks import delete_harmed
from trapline.server.projects.hooks import project_created, project_updated
from trapline.server.queue.queries.automatic_jobs import (
    add_to_automatic_jobs,
    finish_replaced_automatic_jobs,
)
from trapline.server.queue.queries.job_downloads import has_active_downloads


def register_hooks() -> None:
    """Register the functions of every hook; call it before an AppContext is built."""
    project_created.register(create_default_deployment, create_project_subject)
    project_updated.register(reset_changed_sequences, finish_replaced_automatic_jobs)
    image_added.register(add_to_automatic_jobs)
    file_repaired.register(delete_harmed)
    deployment_in_use.register(has_active_downloads)
    artifact_uploaded.register(artifacts.save_upload)
