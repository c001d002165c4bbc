"""New files of a folder source are checked by their first bytes, several at a time."""

import os
import threading
from pathlib import Path

import pytest
from tests.support.image_factory import make_jpeg

from trapline.server.sources.actions.listed_starts import mark_non_images
from trapline.server.sources.gateways.folder_gateway import FolderGateway
from trapline.server.sources.queries.pulled_files import ListedFile

AT_ONCE = 4


async def test_first_bytes_are_read_side_by_side_and_each_is_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:03}" for number in range(40)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(
            make_jpeg(number) if number % 3 else b"a line of text\n" * 100
        )
    together = threading.Barrier(AT_ONCE, timeout=20)
    first = iter(range(AT_ONCE))
    read = os.pread

    def wait_for_others(*arguments: int) -> bytes:
        if next(first, None) is not None:
            together.wait()
        return read(*arguments)

    monkeypatch.setattr(os, "pread", wait_for_others)
    gateway = FolderGateway(tmp_path)
    try:
        checked = await mark_non_images(
            gateway, [ListedFile(name, None, None, "") for name in names]
        )
    finally:
        await gateway.close()
    assert [file.path for file in checked] == names
    assert [file.path for file in checked if file.skipped] == names[::3]
