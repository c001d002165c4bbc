"""Settings of the installation: data folder, database, public URL and secret key."""

from pathlib import Path

from pydantic import Field, SecretStr

from trapline.server.app.settings.field_types import HttpUrl, SettingsGroup


class InstallationSettings(SettingsGroup):
    """Where the server stores data, and the URL and key that identify it."""

    data: Path = Field(
        Path("trapline-data"), description="Data folder: embedded database, files, secret key."
    )
    database_url: SecretStr | None = Field(
        None, description="URL of an existing PostgreSQL server. Default: the embedded server."
    )
    database_connections: int = Field(
        10, ge=2, le=1000, description="Connections of each process to PostgreSQL."
    )
    public_url: HttpUrl = Field(
        "http://localhost:8000",
        description="URL of the server for people and workers. All absolute URLs start with it.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="At least 32 characters, or `1:KEY,2:KEY` during a rotation. Default: "
        "created at the first start and stored in the data folder.",
    )
