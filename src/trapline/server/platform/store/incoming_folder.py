"""The folder in which files are received before they are stored."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from trapline.server.platform.store.object_store import IncomingFile


class IncomingFolder:
    """Files that are being received; they are on the local disk, because decoders need a path."""

    def __init__(self, root: Path) -> None:
        self.path = root / "incoming"
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self) -> int:
        """Delete the incomplete files of a killed process and return their number.

        Call it only while no other process receives files.
        """
        left = list(self.path.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[IncomingFile]:
        """Create a file to receive into; it is deleted after the block unless it was moved."""
        path = self.path / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield IncomingFile(path, descriptor)
        finally:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                path.unlink()
