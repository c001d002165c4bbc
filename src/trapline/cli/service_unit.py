"""The text of the systemd unit that runs `trapline up`."""

from dataclasses import dataclass
from pathlib import Path

HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"

EVERYWHERE = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
"""Restrictions that the service manager of a user supports too."""

WHOLE_MACHINE = (
    "UMask=0077",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectSystem=strict",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "KeyringMode=private",
    "RemoveIPC=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    # Each decoder runs in a network namespace without any connection.
    "RestrictNamespaces=user net",
    # Decoders restrict themselves with Landlock. Its calls are not in this group in old versions of
    # systemd.
    f"SystemCallFilter=@system-service {LANDLOCK}",
    "SystemCallErrorNumber=EPERM",
)


@dataclass(frozen=True)
class Service:
    """Program of a unit with its `trapline up` options; `user` is None for a unit of the caller."""

    program: tuple[str, ...]
    folder: Path
    env_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    processes: int | None = None
    with_worker: bool = True
    pipelines: tuple[str, ...] = ()
    private_sources: bool | None = None
    user: str | None = None


def write_unit(service: Service) -> str:
    """Render the unit.

    systemd sends SIGTERM only to the supervisor, which stops its children in order.
    """
    # The modules of `up` take a moment to load, and other commands do not need them.
    from trapline.cli.up import STOP_WITHIN_S

    # systemd expands variables in arguments, but not in the name of the program.
    arguments = [*service.program[1:], "up", *_list_options(service)]
    command = [_quote(service.program[0]), *(_quote(part.replace("$", "$$")) for part in arguments)]
    lines = [
        "[Unit]",
        "Description=Trapline server, which turns images of field cameras into observations",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        f"ExecStart={' '.join(command)}",
        *([f"EnvironmentFile={_escape(str(service.env_file))}"] if service.env_file else []),
        "Restart=always",
        "RestartSec=2",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_WITHIN_S:g}",
        "LimitNOFILE=65536",
        *EVERYWHERE,
        *(_list_restrictions(service) if service.user else []),
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if service.user else 'default.target'}",
        "",
    ]
    return "\n".join(lines)


def write_user(service: Service) -> str:
    """Render the line from which systemd-sysusers creates the user of the service."""
    return f'u {service.user} - "Trapline" {service.folder} -\n'


def _list_options(service: Service) -> list[str]:
    options = ["--data", str(service.folder), "--host", service.host, "--port", str(service.port)]
    if service.processes is not None:
        options += ["--processes", str(service.processes)]
    if not service.with_worker:
        options.append("--no-worker")
    for pipeline in service.pipelines:
        options += ["--pipeline", pipeline]
    if service.private_sources is not None:
        options.append("--private-sources" if service.private_sources else "--no-private-sources")
    return options


def _list_restrictions(service: Service) -> list[str]:
    needed = (service.folder, Path(service.program[0]))
    at_home = any(path.is_relative_to(home) for path in needed for home in HOMES)
    capability = "CAP_NET_BIND_SERVICE" if service.port < 1024 else ""
    folder = str(service.folder)
    return [
        f"User={service.user}",
        f"Group={service.user}",
        # The folder of models and of the caches of their libraries; the user has no home.
        f"Environment={_quote(f'HOME={folder}')} {_quote(f'XDG_CACHE_HOME={folder}/cache')}",
        f"ReadWritePaths={_quote(folder)}",
        f"ProtectHome={'read-only' if at_home else 'yes'}",
        f"CapabilityBoundingSet={capability}",
        f"AmbientCapabilities={capability}",
        *WHOLE_MACHINE,
    ]


def _escape(text: str) -> str:
    """Escape per cent signs, which systemd would read as specifiers."""
    return text.replace("%", "%%")


def _quote(text: str) -> str:
    """Quote one word of a command for systemd."""
    escaped = _escape(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(sign in escaped for sign in " \t'\"\\;") else escaped
