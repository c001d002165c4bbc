"""Settings of outgoing messages: e-mail and NATS."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from trapline.server.app.settings.field_types import SettingsGroup


class MessageSettings(SettingsGroup):
    """Servers that send e-mails and publish webhook events."""

    smtp_url: SecretStr | None = Field(
        None,
        description="URL of the mail server, such as "
        "smtp+starttls://user:password@mail.example.org (or smtps://, smtp://). Without it, no "
        "e-mail is sent.",
    )
    mail_from: str | None = Field(
        None,
        description="Sender of e-mails. Default: trapline@ and the host of `TRAPLINE_PUBLIC_URL`.",
    )
    nats_url: SecretStr | None = Field(
        None,
        description="URL of a NATS server for webhook events and for hints between server "
        "processes, such as nats://user:password@nats.example.org. Events are published as "
        "trapline.PROJECT.EVENT. "
        "Requires the extra `nats`.",
    )

    nats_ca_file: Path | None = Field(
        None,
        description="PEM file with the certificate of a private CA that signed the certificate of "
        "the NATS server.",
    )
    nats_certificate_file: Path | None = Field(
        None, description="PEM file with the client certificate for the NATS server (mutual TLS)."
    )
    nats_key_file: Path | None = Field(
        None,
        description="PEM file with the private key of `TRAPLINE_NATS_CERTIFICATE_FILE`, if that "
        "file does not contain it.",
    )
    nats_credentials_file: Path | None = Field(
        None,
        description="Credentials file of the user of the NATS server (a JWT and a seed, as `nsc` "
        "writes it), or a file with the seed of its NKEY. It is used instead of a user and a "
        "password in `TRAPLINE_NATS_URL`.",
    )

    nats_account_seed: SecretStr | None = Field(
        None,
        description="Seed (SA...) of the account that this server uses on the NATS server. It "
        "signs the credentials that `trapline token create --nats` issues to workers.",
    )

    @field_validator("smtp_url")
    @classmethod
    def _validate_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            from trapline.server.platform.network.email_sender import parse_smtp_url

            parse_smtp_url(value.get_secret_value(), "trapline@localhost", "")
        return value

    @field_validator("mail_from")
    @classmethod
    def _validate_sender(cls, value: str | None) -> str | None:
        from trapline.server.platform.network.email_sender import parse_sender

        return None if value is None else parse_sender(value)

    @field_validator("nats_account_seed")
    @classmethod
    def _validate_nats_account(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            from trapline.server.platform.network.nats_user import parse_account_seed

            parse_account_seed(value.get_secret_value())
        return value

    @field_validator("nats_url")
    @classmethod
    def _validate_nats_servers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or all(_is_nats_url(url) for url in value.get_secret_value().split(",")):
            return value
        raise ValueError(
            "must be a URL such as nats://user:password@nats.example.org:4222 (or tls://); "
            "in a password, write : @ / , as %3A %40 %2F %2C"
        )


def _is_nats_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
