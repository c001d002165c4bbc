"""The environments of the children of `trapline up`, built from lists of the variables that each
may read.

A variable that is in no list is not passed on. The worker downloads and decodes foreign files and
runs model packages: it gets no secret of the server.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from trapline.server.app.settings import (
    HANDED_DOWN,
    TEST_NAMES,
    WORKER_NAMES,
    Settings,
    get_variable_names,
)

MEDIA_FOLDERS = ("/media", "/mnt", "/run/media", "/Volumes")
"""The folders in which systems mount memory cards and disks."""

SYSTEM_NAMES = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TERM", "NO_COLOR",
        "FORCE_COLOR", "TMPDIR",
        "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "FAKETIME",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    }
)  # fmt: skip
SYSTEM_PREFIXES = ("LC_", "XDG_", "PYTHON", "MALLOC_", "DYLD_")

# libpq reads its certificates and password file from PG... variables, Kerberos its tickets from
# KRB5...
SERVER_PREFIXES = ("PG", "KRB5")
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# Libraries of models and of their devices, and the package managers that fetch models.
WORKER_PREFIXES = (
    "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "HSA_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "ORT_",
    "TORCH", "PYTORCH_",
    "HF_", "KAGGLE", "PIP_", "UV_", "NPM_CONFIG_", "npm_config_",
)  # fmt: skip
NOT_FOR_WORKER = frozenset({"TRAPLINE_SOURCE_PASSWORD", "TRAPLINE_CACHE"})
FOR_BOTH = frozenset({"TRAPLINE_MAX_IMAGE_PIXELS", "TRAPLINE_MAX_IMAGE_BYTES"})


def build_server_environment(
    settings: Settings,
    *,
    database_url: str,
    folder: Path,
    public_url: str,
    private_sources: bool,
    metrics: str,
) -> dict[str, str]:
    """Build the environment of the API, background and preparation processes.

    Values of flags are passed in; values of the environment and of `.env` follow; the defaults of
    `trapline up` apply only to settings that are in neither. `metrics` is the folder of the
    counters.
    """
    allowed = {*get_variable_names().values(), *TEST_NAMES}
    environment = _select(allowed, SERVER_PREFIXES)
    if "source_folders" not in settings.model_fields_set:
        environment["TRAPLINE_SOURCE_FOLDERS"] = ",".join(MEDIA_FOLDERS)
    return environment | {
        "DATABASE_URL": database_url,
        "TRAPLINE_DATA": str(folder),
        "TRAPLINE_PUBLIC_URL": public_url,
        "TRAPLINE_ALLOW_PRIVATE_SOURCES": str(private_sources).lower(),
        # The supervisor opens this port, once for all processes. Empty, because a `.env` file may
        # set it.
        "TRAPLINE_METRICS_LISTEN": "",
        METRICS_FOLDER: metrics,
    }


def build_worker_environment(*, server: str, token: str, folder: Path) -> dict[str, str]:
    """Build the environment of the worker, with its server, its token and its outbox."""
    environment = _select((WORKER_NAMES - NOT_FOR_WORKER) | FOR_BOTH, WORKER_PREFIXES)
    if not environment.get("TRAPLINE_OUTBOX") and not dotenv_values(Path(".env")).get(
        "TRAPLINE_OUTBOX"
    ):
        environment["TRAPLINE_OUTBOX"] = str(folder / "outbox")
    return environment | {"TRAPLINE_SERVER": server, "TRAPLINE_TOKEN": token}


def allows_private_sources(flag: bool | None, settings: Settings) -> bool:
    """Return whether pull sources may be in private networks: the flag, the setting, or true."""
    if flag is not None:
        return flag
    return (
        settings.allow_private_sources
        if "allow_private_sources" in settings.model_fields_set
        else True
    )


def _select(names: Iterable[str], prefixes: tuple[str, ...]) -> dict[str, str]:
    """Select the system variables of this process, and those with these names or prefixes."""
    given: Mapping[str, str] = os.environ
    allowed = SYSTEM_NAMES | set(names)
    return {
        name: value
        for name, value in given.items()
        if (name in allowed or name.startswith((*SYSTEM_PREFIXES, *prefixes)))
        and name not in HANDED_DOWN
    }
