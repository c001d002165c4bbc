"""Files are durable before they are acknowledged: each flush is recorded."""

import hashlib
import os
from pathlib import Path

import pytest

from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.storage_keys import build_original_key

DATA = bytes(range(256)) * 1000


class Flushes:
    """Record every flush in order: its path, its size if it is a file, and the existing files."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[Path, int, set[Path]]] = []
        flush = os.fsync

        def watch(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            flush(descriptor)
            self.seen.append((path, os.fstat(descriptor).st_size, set(root.rglob("*"))))

        monkeypatch.setattr(os, "fsync", watch)

    def find(self, path: Path) -> list[set[Path]]:
        """List what was in place at each flush of this path."""
        return [present for flushed, _, present in self.seen if flushed == path]


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="only Linux names the file of a descriptor"
)
@pytest.mark.parametrize("media_type", [None, "image/jpeg"], ids=["bytes", "with a note"])
async def test_a_file_and_each_folder_on_its_path_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, media_type: str | None
) -> None:
    store = LocalStore(tmp_path, [b"k" * 32], "http://trapline.test")
    key = build_original_key(7, hashlib.sha256(DATA).hexdigest())
    flushes = Flushes(tmp_path, monkeypatch)
    async with store.receive() as incoming:
        incoming.write(DATA)
        received = incoming.path
        await store.keep(incoming, key, media_type)
    kept = [tmp_path / key] if media_type is None else [tmp_path / "notes" / key, tmp_path / key]
    # First the bytes, complete and under no final name: a name without its bytes must not survive a
    # power cut.
    files = [
        (path, size, present)
        for path, size, present in flushes.seen
        if path.parent == tmp_path / "incoming"
    ]
    assert (files[-1][0], files[-1][1]) == (received, len(DATA))
    assert len(files) == len(kept)
    for final, (_, _, present) in zip(kept, files, strict=True):
        assert final not in present
    for final in kept:
        # Then each folder that is new, in the folder that holds it; and last the name.
        for folder in list(final.parents)[: len(final.relative_to(tmp_path).parents) - 1]:
            assert any(folder in present for present in flushes.find(folder.parent)), (
                f"{folder} was not flushed"
            )
        assert any(final in present for present in flushes.find(final.parent)), (
            f"{final} was not flushed"
        )
    await store.delete(key)


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="only Linux names the file of a descriptor"
)
async def test_a_file_in_a_known_folder_is_flushed_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path, [b"k" * 32], "http://trapline.test")
    key = build_original_key(7, hashlib.sha256(DATA).hexdigest())
    for _ in range(2):
        async with store.receive() as incoming:
            incoming.write(DATA)
            flushes = Flushes(tmp_path, monkeypatch)
            await store.keep(incoming, key)
        monkeypatch.undo()
    assert [path.name for path, _, _ in flushes.seen] == [
        incoming.path.name,
        (tmp_path / key).parent.name,
    ]
    assert tmp_path / key in flushes.seen[-1][2]
