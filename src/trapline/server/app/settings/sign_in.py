"""Settings of the OpenID provider that users can sign in with."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from trapline.server.app.settings.field_types import SettingsGroup


class SignInSettings(SettingsGroup):
    """Issuer, client and scopes of the OpenID provider."""

    oidc_issuer: str | None = Field(
        None,
        description="Issuer URL of the OpenID provider of your organisation, such as "
        "https://login.example.org. Users with an account can sign in with it.",
    )
    oidc_client_id: str | None = Field(
        None, description="Client ID of this server at the OpenID provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        None,
        description="Client secret at the OpenID provider. Without it only PKCE protects the "
        "sign-in.",
    )
    oidc_scopes: str = Field(
        "openid email profile",
        description="Scopes requested from the OpenID provider. They must include openid and "
        "email.",
    )
    oidc_name: str = Field(
        "your organisation",
        max_length=60,
        description="Name of the provider on the button of the sign-in page.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _validate_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_loopback = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if (
            not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
            or not (parts.scheme == "https" or is_loopback)
        ):
            raise ValueError(
                "must be a URL such as https://login.example.org; http:// is accepted only for "
                "localhost"
            )
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _validate_scopes(cls, value: str) -> str:
        if not {"openid", "email"} <= set(value.split()):
            raise ValueError("must include openid and email, such as `openid email profile`")
        return " ".join(value.split())
