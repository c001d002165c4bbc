"""All settings of the worker."""

import os
import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from trapline.client.api_url import normalise_api_url
from trapline.worker.devices import CPU, parse_device
from trapline.worker.memory import ROOT, measure_memory
from trapline.worker.metrics import compute_listen_address, parse_listen
from trapline.worker.model_watch import BATCH_S, START_S

FEWEST_PIXELS, MOST_PIXELS = 1_000_000, 300_000_000
BYTES_PER_PIXEL = 3
IMAGE_PART = 4
"""Decoded images may use this part of the free memory; models need the rest."""


def _find_folder(variable: str, otherwise: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / otherwise) / "trapline"


def _build_default_model_cache() -> Path:
    return _find_folder("XDG_CACHE_HOME", ".cache") / "models"


def compute_pixel_budget(processes: int = 1, root: Path = ROOT) -> int:
    """Return the pixels that each of the worker processes of this machine may hold decoded."""
    memory = measure_memory(root)
    free = memory.free if memory is not None else MOST_PIXELS * BYTES_PER_PIXEL
    share = free // (IMAGE_PART * BYTES_PER_PIXEL * processes)
    return max(FEWEST_PIXELS, min(MOST_PIXELS, share))


class WorkerSettings(BaseSettings):
    """Settings of a worker, from TRAPLINE_... variables and a .env file. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="TRAPLINE_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    server: str = "http://localhost:8000"
    token: SecretStr
    service_name: Annotated[str, Field(min_length=1, max_length=200)] = "trapline-worker"
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 24
    loaders: Annotated[int, Field(ge=1, le=256)] = 4
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    device: str = CPU
    allow_cpu: bool = False
    metrics: str | None = None
    retry_max: Annotated[int, Field(ge=0, le=100)] = 3
    retry_backoff: Annotated[float, Field(gt=0, le=60)] = 0.5
    read_timeout: Annotated[float, Field(gt=0)] = 30.0
    post_timeout: Annotated[float, Field(gt=0)] = 60.0
    model_timeout: Annotated[float, Field(gt=0)] = BATCH_S
    model_start_timeout: Annotated[float, Field(gt=0)] = START_S
    stop_timeout: Annotated[float, Field(gt=0)] = 10.0
    poll: Annotated[float, Field(gt=0, le=300)] = 2.0
    pixels_in_flight: Annotated[int, Field(ge=FEWEST_PIXELS)] = Field(
        default_factory=compute_pixel_budget
    )
    max_image_pixels: Annotated[int, Field(ge=1)] = 150_000_000
    max_image_bytes: Annotated[int, Field(ge=1)] = 256 * 1024 * 1024
    model_cache: Path = Field(default_factory=_build_default_model_cache)
    accept_licences: str = ""
    outbox: Path = Field(
        default_factory=lambda: _find_folder("XDG_STATE_HOME", ".local/state") / "outbox"
    )

    @field_validator("server")
    @classmethod
    def _validate_server(cls, server: str) -> str:
        return normalise_api_url(server)

    @field_validator("device")
    @classmethod
    def _validate_device(cls, device: str) -> str:
        return parse_device(device)

    @field_validator("metrics")
    @classmethod
    def _validate_metrics(cls, metrics: str | None) -> str | None:
        if metrics is not None:
            parse_listen(metrics)
        return metrics

    @field_validator("token")
    @classmethod
    def _validate_token(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().strip():
            raise ValueError("is empty")
        return SecretStr(token.get_secret_value().strip())

    @property
    def accepted_licences(self) -> frozenset[str]:
        """The licences of models that a person accepted, from a comma-separated setting."""
        return frozenset(name.strip() for name in self.accept_licences.split(",") if name.strip())

    @property
    def full_service_name(self) -> str:
        """The name of the service with the host name, as it is registered."""
        return f"{self.service_name} ({socket.gethostname()})"


class WorkerSettingsError(Exception):
    """A setting is missing or invalid; the message names the variable."""


def load_settings(number: int = 0, processes: int = 1, /, **given: object) -> WorkerSettings:
    """Load the settings of this process; `given` overrides the environment.

    `number` is the number of the process, of `processes` that share this machine and these
    settings; the first one has number 0.

    Raises:
        WorkerSettingsError: settings are missing or invalid; the message names each variable.
    """
    try:
        values = {name: value for name, value in given.items() if value is not None}
        settings = WorkerSettings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for wrong in error.errors():
            variable = "TRAPLINE_" + str(wrong["loc"][0]).upper()
            if wrong["type"] == "missing":
                lines.append(
                    f"{variable} is not set: it is the API token that the worker signs in with"
                )
            else:
                lines.append(f"{variable}: {wrong['msg'].removeprefix('Value error, ')}")
        raise WorkerSettingsError("\n".join(lines)) from None
    if processes > 1 and "pixels_in_flight" not in settings.model_fields_set:
        settings.pixels_in_flight = compute_pixel_budget(processes)
    if settings.metrics is not None:
        try:
            settings.metrics = compute_listen_address(settings.metrics, number)
        except ValueError as error:
            raise WorkerSettingsError(f"TRAPLINE_METRICS: {error}") from None
    return settings


def get_model_cache() -> Path:
    """Return the folder of model files, also if the worker's other settings are incomplete."""
    return load_settings(token=SecretStr("not used")).model_cache
