"""All settings of the server in one class, and the environment variable of each."""

from trapline.server.app.settings.callers import CallerSettings
from trapline.server.app.settings.external_pipelines import ExternalPipelineSettings
from trapline.server.app.settings.files import FileSettings
from trapline.server.app.settings.installation import InstallationSettings
from trapline.server.app.settings.maps import MapSettings
from trapline.server.app.settings.messages import MessageSettings
from trapline.server.app.settings.monitoring import LogSettings, MetricsSettings
from trapline.server.app.settings.object_store import ObjectStoreSettings
from trapline.server.app.settings.outbound import OutboundSettings
from trapline.server.app.settings.queue import QueueSettings
from trapline.server.app.settings.sign_in import SignInSettings

# Fields that start so have no prefix in their variable: they follow the conventions of PostgreSQL
# hosts, of external pipelines and of S3 clients.
UNPREFIXED = ("database_url", "ml_", "s3_")


# Pydantic collects fields from the last base class to the first. The reference of settings lists
# them in that order.
class Settings(
    LogSettings,
    MapSettings,
    MessageSettings,
    MetricsSettings,
    SignInSettings,
    ObjectStoreSettings,
    ExternalPipelineSettings,
    CallerSettings,
    OutboundSettings,
    FileSettings,
    QueueSettings,
    InstallationSettings,
):
    """The settings of the server.

    Times are in seconds, sizes in bytes unless the name has a unit.
    """


def get_variable_names() -> dict[str, str]:
    """Map each field of Settings to its environment variable."""
    return {
        name: name.upper() if name.startswith(UNPREFIXED) else f"TRAPLINE_{name.upper()}"
        for name in Settings.model_fields
    }
