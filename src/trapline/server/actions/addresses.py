"""Signed addresses of stored files, which need no header: of our own server, whichever store the files lie in."""

import time
from collections.abc import Collection
from uuid import UUID

from trapline.server.rules.access import Scope
from trapline.server.store.keys import FILES, sign_url
from trapline.server.system import System


def sign_file(system: System, key: str, filename: str | None = None, reader: str | None = None) -> str:
    """Make an address for a stored file that needs no header."""
    secrets = system.secrets.derive_all(FILES)
    return sign_url(secrets, system.public_url, key, time.time(), filename=filename, reader=reader)


def sign_original(system: System, scope: Scope, key: str, image_id: UUID) -> str:
    """Make an address for the whole picture of an image; who was given it stands in the audit when it is read."""
    return sign_file(system, key, reader=f"{scope.actor} {image_id}")


def sign_files(system: System, keys: Collection[str | None]) -> dict[str, str]:
    """Make addresses for some stored files, by their keys.

    They are our own server's: a page may not read the pixels of a picture that another server sends.
    """
    return {key: sign_file(system, key) for key in set(keys) if key is not None}
