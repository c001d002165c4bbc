"""The folder that files are received into before a store keeps them."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from trapline.server.platform.store.object_store import IncomingFile


class IncomingFolder:
    """Files that are being received, on the local disk whatever the store is: decoders need a path."""

    def __init__(self, root: Path) -> None:
        self.path = root / "incoming"
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self) -> int:
        """Remove what a killed process left half received; answers how many.

        Only while no other process receives.
        """
        left = list(self.path.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[IncomingFile]:
        """Open a file to receive into; it vanishes with the block unless it was moved elsewhere."""
        path = self.path / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield IncomingFile(path, descriptor)
        finally:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                path.unlink()
