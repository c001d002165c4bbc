"""Settings of the S3 server that stores files."""

from pydantic import Field, SecretStr

from trapline.server.app.settings.field_types import HttpUrl, SettingsGroup


class ObjectStoreSettings(SettingsGroup):
    """URL, bucket and access key of an S3 server. Without them, files are in the data folder."""

    s3_endpoint: HttpUrl | None = Field(
        None, description="URL of an S3 server for files. Default: a folder in the data folder."
    )
    s3_public_endpoint: HttpUrl | None = Field(
        None, description="External URL of the S3 server, for signed URLs."
    )
    s3_bucket: str | None = Field(None, description="Name of an existing bucket.")
    s3_access_key_id: str | None = Field(None, description="Access key.")
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_region: str = Field("us-east-1", description="Region for which requests are signed.")
