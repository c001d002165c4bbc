"""The secret keys: how they are written, and the file of the data folder that keeps them while nobody else does."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from trapline.server.platform.postgres.data_folder import write_secret

NAME = "secret-key"
LEAST_CHARACTERS = 32


def generate_key() -> str:
    """Make a secret key."""
    return secrets.token_urlsafe(48)


def parse_keys(text: str, where: str) -> dict[int, bytes]:
    """Read `KEY`, or `1:KEY,2:KEY`, also with line breaks for commas.

    Raises ValueError, without any key in it.
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
            f"{where} must have at least 32 characters; `openssl rand -base64 48` makes a good one."
        )
    return keys


class KeyFile(Mapping[int, bytes]):
    """The keys of a file as they are now: it is read again whenever it was replaced.

    Every process has to know a new key before any of them uses it. A look at the file costs
    microseconds.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; it is made, with mode 0600, where there is none. Raises ValueError."""
        self.path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(
                FileExistsError
            ):  # another process of the same start was first
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
            # What a server that runs knows stays good while somebody mends the file.
            if not self._keys:
                raise
        return self._keys

    def __getitem__(self, version: int) -> bytes:
        # Who asks for what a look at the file named just now may come after its end.
        return self._read().get(version) or self._former[version]

    def __contains__(self, version: object) -> bool:
        return version in self._read()

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._read()))

    def __len__(self) -> int:
        return len(self._read())

    def replace(self, keys: Mapping[int, bytes]) -> None:
        """Write other keys in the place of these: after a crash the file is the old one or the new one, whole."""
        draft = self.path.with_name(f".{self.path.name}.next")
        owner = self.path.stat()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # Whoever changes the key, the server must be able to read it.
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
