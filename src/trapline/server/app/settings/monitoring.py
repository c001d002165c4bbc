"""Settings of monitoring: metrics and logs."""

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from trapline.server.app.settings.field_types import SettingsGroup


class MetricsSettings(SettingsGroup):
    """Token and port under which the metrics are served."""

    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token for /metrics. Without it, /metrics does not exist.",
    )
    metrics_listen: str | None = Field(
        None,
        description="Separate port for /metrics without a token: a port of the loopback "
        "interface, or an address with a port, such as 10.0.0.5:9464. Default: none.",
    )

    @field_validator("metrics_listen")
    @classmethod
    def _validate_listen_address(cls, value: str | None) -> str | None:
        if value is not None:
            parse_listen_address(value)
        return value


class LogSettings(SettingsGroup):
    """Format and minimum level of log lines."""

    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum level of log lines."
    )


def parse_listen_address(text: str) -> tuple[str, int]:
    """Parse a port of the loopback interface, or an address with a port.

    Raises:
        ValueError: the text is neither; the message is for the operator.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if (
        not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65_536
        or (not host and ":" in text)
    ):
        raise ValueError(
            "must be a port such as 9464, or an address with a port such as 10.0.0.5:9464 or "
            "[::1]:9464"
        )
    return host or "127.0.0.1", int(port)
