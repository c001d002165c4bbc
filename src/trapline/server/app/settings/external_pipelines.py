"""Settings of external pipelines: signatures, limits and artifacts."""

from pydantic import Field, SecretStr, field_validator

from trapline.server.app.settings.field_types import MIB, CommaList, SettingsGroup

MAX_SHARED_SECRETS = 3


class ExternalPipelineSettings(SettingsGroup):
    """Signatures that external pipelines must use, and limits of their requests."""

    ml_analysis_enabled: bool = Field(
        True,
        description="External pipelines can create analyses and send callbacks. If false, these "
        "calls return 404.",
    )
    ml_callback_hmac_secret: SecretStr | None = Field(
        None,
        description="Shared secret of v1 signatures. During a rotation up to three, "
        "comma-separated, the newest first.",
    )
    ml_hmac_allow_shared_secret: bool = Field(
        True,
        description="Accept the shared secret. Set to false when every pipeline signs with a "
        "separate secret.",
    )
    ml_hmac_min_version: int = Field(
        1, ge=1, le=2, description="Oldest accepted version of signatures. 2 refuses v1."
    )
    ml_pipeline_require_hmac: bool = Field(
        True,
        description="If false, the API token of a manager can send callbacks without a "
        "signature. A wrong signature is still refused.",
    )
    ml_hmac_timestamp_skew_seconds: int = Field(
        300,
        ge=1,
        le=86_400,
        description="Maximum difference between the time of a signature and the time of the "
        "server.",
    )
    ml_callback_max_body_bytes: int = Field(
        32 * MIB, ge=1024, description="Maximum size of a callback body."
    )
    ml_allowed_models: CommaList = Field(
        (),
        description="Models for which external pipelines can create analyses, comma-separated. "
        "Default: all.",
    )
    ml_max_analyses_per_image: int = Field(
        50,
        ge=1,
        description="Maximum number of open and completed analyses of an image, without those of "
        "jobs.",
    )
    ml_max_bulk_annotations: int = Field(
        5000, ge=1, le=100_000, description="Maximum number of annotations in one bulk request."
    )
    ml_max_artifact_bytes: int = Field(256 * MIB, ge=1, description="Maximum size of an artifact.")
    ml_presigned_url_expiry_seconds: int = Field(
        900, ge=1, le=604_800, description="Validity of the upload URL of an artifact."
    )
    ml_stale_after_s: int = Field(
        3600, ge=1, description="Time without contact after which an analysis is shown as stale."
    )

    @field_validator("ml_callback_hmac_secret")
    @classmethod
    def _validate_secret_count(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(parse_secrets(value)) > MAX_SHARED_SECRETS:
            raise ValueError(f"has more than {MAX_SHARED_SECRETS} secrets")
        return value


def parse_secrets(secret: SecretStr | None) -> tuple[str, ...]:
    """Split a comma-separated list of secrets; the first is the newest."""
    text = "" if secret is None else secret.get_secret_value()
    return tuple(part.strip() for part in text.split(",") if part.strip())
