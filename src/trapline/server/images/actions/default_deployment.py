"""The deployment for images that name none; every project has one."""

from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction

DEFAULT_DEPLOYMENT = "Not yet placed"


async def create_default_deployment(_system: AppContext, tx: Transaction, project_id: int) -> None:
    """Create the default deployment of a new project."""
    tx.session.add(DeploymentRow(project_id=project_id, name=DEFAULT_DEPLOYMENT, is_default=True))
