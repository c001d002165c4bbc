"""The base class of all groups of settings, and types that several groups use."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

MIB = 1024 * 1024


class SettingsGroup(BaseModel):
    """Settings of one subject; times in seconds, sizes in bytes unless the name has a unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _split_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _validate_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", value):
        raise ValueError("must be a URL such as https://trapline.example.org")
    return value.rstrip("/")


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split_list)]
"""Values separated by commas; empty values are ignored."""

HttpUrl = Annotated[str, AfterValidator(_validate_url)]
"""An HTTP or HTTPS URL, stored without a slash at its end."""
