"""Load the settings and the secret keys when a process starts."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from trapline.server.app.settings.server_settings import Settings, get_variable_names
from trapline.server.app.settings.variables import SettingsError, validate_variables
from trapline.server.platform.postgres.key_file import NAME, KeyFile, parse_keys


def load_settings(
    environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")
) -> Settings:
    """Load the settings; the environment takes precedence over the file.

    A variable with an empty value counts as not set.

    Raises:
        SettingsError: a value is invalid, or no part of Trapline reads a variable.
    """
    given = {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    given.update(os.environ if environment is None else environment)
    validate_variables(given)
    variables = get_variable_names()
    fields = {name: given[variable] for name, variable in variables.items() if given.get(variable)}
    try:
        return Settings.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(
            f"{variables.get(str(problem['loc'][0]), problem['loc'][0])} "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise SettingsError(f"A setting cannot be used: {problems}.") from None


def load_secret_keys(settings: Settings) -> Mapping[int, bytes]:
    """Load the secret keys by version, from the settings or from the data folder.

    Keys of the data folder are read again when their file changes.

    Raises:
        SettingsError: the keys are invalid.
    """
    try:
        if settings.secret_key is not None:
            return parse_keys(settings.secret_key.get_secret_value(), "TRAPLINE_SECRET_KEY")
        return KeyFile(settings.data / NAME)
    except ValueError as error:
        raise SettingsError(str(error)) from None
