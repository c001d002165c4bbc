"""Settings of the server, from the environment and a `.env` file in the working folder."""

from trapline.server.app.settings.external_pipelines import parse_secrets
from trapline.server.app.settings.loading import load_secret_keys, load_settings
from trapline.server.app.settings.monitoring import parse_listen_address
from trapline.server.app.settings.server_settings import Settings, get_variable_names
from trapline.server.app.settings.variables import (
    HANDED_DOWN,
    TEST_NAMES,
    WORKER_NAMES,
    SettingsError,
    list_known_variables,
    validate_variables,
)

__all__ = [
    "HANDED_DOWN",
    "TEST_NAMES",
    "WORKER_NAMES",
    "Settings",
    "SettingsError",
    "get_variable_names",
    "list_known_variables",
    "load_secret_keys",
    "load_settings",
    "parse_listen_address",
    "parse_secrets",
    "validate_variables",
]
