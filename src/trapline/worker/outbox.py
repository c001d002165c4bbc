"""Results that could not be posted, saved on disk until they can be posted."""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trapline.client.errors import ApiStatusError
from trapline.wire.results import Result

_RESULTS = TypeAdapter(list[Result])


class Outbox:
    """A folder with the unsent results for one server.

    Several workers may share the folder: the server accepts repeated results.
    """

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder / hashlib.sha256(server.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return sum(1 for _ in self._files())

    def save(self, job_id: int, results: Sequence[Result]) -> Path:
        """Save results to disk, so that they survive a power failure."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{time.time_ns()}-{uuid.uuid4().hex}.json"
        unfinished = path.with_suffix(".part")
        rows = _RESULTS.dump_json(list(results), exclude_unset=True)
        with unfinished.open("wb") as file:
            file.write(b'{"job_id":%d,"results":%b}' % (job_id, rows))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    def send(self, post: Callable[[int, list[Result]], object]) -> int:
        """Post the saved results, oldest first, delete those accepted, and return their number.

        Results that the server rejects permanently are renamed to `.refused`. Any other exception
        of `post` ends the call.
        """
        sent = 0
        for path in list(self._files()):
            try:
                kept = json.loads(path.read_bytes())
                job_id, results = int(kept["job_id"]), _RESULTS.validate_python(kept["results"])
            except FileNotFoundError:
                continue  # another worker has sent this file
            except (ValueError, KeyError, ValidationError):
                path.rename(path.with_suffix(".unreadable"))
                continue
            try:
                post(job_id, results)
            except ApiStatusError as refused:
                if refused.is_transient or refused.status in (401, 403):
                    raise
                path.rename(path.with_suffix(".refused"))
                continue
            path.unlink(missing_ok=True)
            sent += len(results)
        return sent

    def _files(self) -> Iterator[Path]:
        return iter(sorted(self._folder.glob("*.json")))
