"""Settings of callers: who creates projects, trusted proxies, and rate limits."""

from ipaddress import ip_network
from typing import Literal

from pydantic import Field, field_validator

from trapline.server.app.settings.field_types import CommaList, SettingsGroup


class CallerSettings(SettingsGroup):
    """Permissions and rate limits of accounts, tokens and network addresses."""

    project_creation: Literal["users", "operators"] = Field(
        "users",
        description="Accounts that can create projects: `users` (all) or `operators`.",
    )
    trusted_proxies: CommaList = Field(
        (),
        description="Addresses and networks of proxies, comma-separated. The server uses "
        "X-Forwarded-For and X-Forwarded-Proto of these proxies only.",
    )
    worker_calls_per_s: float = Field(
        2000,
        gt=0,
        le=1e6,
        description="Requests per second with the token of one worker, for each process. Results "
        "are never refused.",
    )
    token_calls_per_s: float = Field(
        1000,
        gt=0,
        le=1e6,
        description="Requests per second with any other token, session or key, for each process.",
    )
    address_calls_per_s: float = Field(
        100,
        gt=0,
        le=1e6,
        description="Requests per second from one network address without valid credentials, for "
        "each process. Behind a proxy, set TRAPLINE_TRUSTED_PROXIES.",
    )
    streams_at_once: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Number of open event streams of one token or session, for each process.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _validate_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value
