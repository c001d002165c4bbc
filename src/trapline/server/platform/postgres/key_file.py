"""The secret keys: their format, and the file in the data folder that stores them by default."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from trapline.server.platform.postgres.data_folder import write_secret

NAME = "secret-key"
LEAST_CHARACTERS = 32


def generate_key() -> str:
    """Generate a secret key."""
    return secrets.token_urlsafe(48)


def parse_keys(text: str, where: str) -> dict[int, bytes]:
    """Parse `KEY`, or `1:KEY,2:KEY`; line breaks may replace the commas.

    Raises:
        ValueError: the text is invalid; the message contains no key.
    """
    parts = [part.strip().partition(":") for part in text.strip().replace("\n", ",").split(",")]
    if len(parts) == 1 and not (parts[0][1] and parts[0][0].isdecimal()):
        keys = {1: text.strip().encode()}
    else:
        if not all(
            colon and version.isdecimal() and 1 <= int(version) <= 255
            for version, colon, _ in parts
        ):
            raise ValueError(
                f"{where} must be one key, or several as 1:KEY,2:KEY with versions from 1 to 255."
            )
        keys = {int(version): key.encode() for version, _, key in parts}
    if any(len(key) < LEAST_CHARACTERS for key in keys.values()):
        raise ValueError(
            f"{where} must have at least 32 characters; create one with `openssl rand -base64 48`."
        )
    return keys


class KeyFile(Mapping[int, bytes]):
    """The current keys of a file, which is read again after each change.

    Every process must know a new key before any of them uses it. Checking the file takes
    microseconds.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, or create it with mode 0600 if it does not exist. Raises ValueError."""
        self.path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another process can create it at the same time.
            with contextlib.suppress(FileExistsError):
                write_secret(path, f"1:{generate_key()}")
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[int, bytes] = {}
        self._former: dict[int, bytes] = {}
        self._read()

    def _read(self) -> dict[int, bytes]:
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            if stamp != self._stamp:
                keys = parse_keys(self.path.read_text(encoding="utf-8"), str(self.path))
                self._former |= self._keys
                self._keys, self._stamp = keys, stamp
        except (OSError, ValueError):
            # A running server keeps the known keys while the operator repairs the file.
            if not self._keys:
                raise
        return self._keys

    def __getitem__(self, version: int) -> bytes:
        # The caller may have listed the keys just before the file was replaced.
        return self._read().get(version) or self._former[version]

    def __contains__(self, version: object) -> bool:
        return version in self._read()

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._read()))

    def __len__(self) -> int:
        return len(self._read())

    def replace(self, keys: Mapping[int, bytes]) -> None:
        """Replace the keys; after a crash the file has either the old or the new ones."""
        draft = self.path.with_name(f".{self.path.name}.next")
        owner = self.path.stat()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # The server must be able to read the file, whichever user changed the key.
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.writelines(f"{version}:{key.decode()}\n" for version, key in sorted(keys.items()))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
