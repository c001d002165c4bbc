"""Detect files of a local folder that are not images, by their first bytes."""

from collections.abc import Sequence

from trapline.server.platform.imaging.file_types import HEAD_BYTES, find_other_kind
from trapline.server.sources.gateways.folder_gateway import FolderGateway
from trapline.server.sources.gateways.gateway import Gateway
from trapline.server.sources.queries.pulled_files import ListedFile


async def mark_non_images(gateway: Gateway, files: Sequence[ListedFile]) -> list[ListedFile]:
    """Mark the files of a local folder that are not images as skipped.

    The files of other sources are checked when they are downloaded.
    """
    if not isinstance(gateway, FolderGateway):
        return list(files)
    checked = []
    heads = await gateway.read_starts([file.path for file in files], HEAD_BYTES)
    for file, head in zip(files, heads, strict=True):
        reason = find_other_kind(head, file.path) if head else None
        checked.append(file if reason is None else file._replace(skipped=reason))
    return checked
