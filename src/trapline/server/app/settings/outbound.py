"""Settings that limit the hosts and folders that the server connects to and reads."""

from pydantic import Field, field_validator

from trapline.server.app.settings.field_types import CommaList, SettingsGroup


class OutboundSettings(SettingsGroup):
    """Networks and local folders that users can name in sources, webhooks and pipelines."""

    allow_private_sources: bool = Field(
        False,
        description="Allow sources, webhooks and external pipelines in private networks (RFC "
        "1918: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16). `trapline up` sets it.",
    )
    allowed_networks: CommaList = Field(
        (),
        description="Additional networks for sources, webhooks and external pipelines, "
        "comma-separated: a network, an address or a host, each with an optional port, such as "
        "`10.8.0.0/16, 127.0.0.1:8080, camera.local:8080`. Loopback and this machine must be "
        "listed by address. Link-local and metadata addresses are always refused.",
    )
    source_folders: CommaList = Field(
        (),
        description="Local folders for pull sources, comma-separated. Default: none; under "
        "`trapline up` the folders where memory cards and disks are mounted (/media, /mnt, "
        "/run/media, /Volumes).",
    )

    @field_validator("allowed_networks")
    @classmethod
    def _validate_allowed_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from trapline.server.platform.network.outbound_policy import parse_allowed_network

        for entry in value:
            parse_allowed_network(entry)
        return value
