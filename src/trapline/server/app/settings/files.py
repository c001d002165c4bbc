"""Settings of stored files: maximum sizes, retention, checks and decoders."""

from pydantic import Field

from trapline.server.app.settings.field_types import MIB, SettingsGroup


class FileSettings(SettingsGroup):
    """Maximum sizes of images and request bodies, retention times and checks of stored files."""

    max_image_bytes: int = Field(200 * MIB, ge=1, description="Maximum size of an image file.")
    max_image_pixels: int = Field(
        150_000_000, ge=1, description="Maximum number of pixels of an image."
    )
    max_json_bytes: int = Field(
        32 * MIB, ge=1, description="Maximum size of a registration of pipelines."
    )
    max_result_bytes: int = Field(
        512 * MIB, ge=1, description="Maximum size of a request body with results of a worker."
    )
    deleted_images_kept_days: float = Field(
        60,
        ge=0,
        le=36_500,
        description="Days for which deleted images can be restored. They are purged afterwards.",
    )
    exports_kept_days: float = Field(
        30, gt=0, le=36_500, description="Days for which files of exports are kept."
    )
    file_check_mib_per_s: float = Field(
        4,
        ge=0,
        le=1e5,
        description="MiB per second that the check of stored files reads. 0 disables the check.",
    )
    file_check_every_days: float = Field(
        7, ge=0, le=3650, description="Days between two checks of all stored files."
    )
    decoders: int = Field(
        2,
        ge=1,
        le=64,
        description="Number of restricted processes that decode images, for each server process.",
    )
