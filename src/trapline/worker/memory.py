"""Free memory of this process, within the limits of its control group."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
UNLIMITED = 1 << 60
"""Version 1 of control groups reports a number above this for "no limit"."""


@dataclass(frozen=True)
class Memory:
    """Free and total memory in bytes."""

    free: int
    total: int

    @property
    def free_share(self) -> float:
        """The free part, from 0 to 1."""
        return self.free / self.total if self.total else 1.0


FREE_SHARE_TO_GROW = 0.25


def has_room_to_grow(root: Path = ROOT) -> bool:
    """Return whether a batch may double.

    A quarter of the memory must be free, or as much as this process has used at most: a batch that
    is twice as large needs at most that much more.
    """
    memory = measure_memory(root)
    if memory is None or memory.free_share >= FREE_SHARE_TO_GROW:
        return True
    peak = _read_peak(root)
    return peak is not None and memory.free >= peak


def _read_peak(root: Path) -> int | None:
    """Return the most memory in bytes that this process has had; None if it is not reported."""
    try:
        lines = (root / "proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def measure_memory(root: Path = ROOT) -> Memory | None:
    """Measure the memory that this process may still use; None if the system does not report it.

    The smallest of these counts: the memory of the machine, and the limits of the control group of
    this process and of all groups above it, version 1 or 2. Cached files count as free, because
    the kernel drops them first.
    """
    found = [memory for memory in (_read_machine(root), *_list_groups(root)) if memory is not None]
    return min(found, key=lambda memory: memory.free, default=None)


def _read_machine(root: Path) -> Memory | None:
    try:
        fields = dict(
            line.split(":", 1) for line in (root / "proc/meminfo").read_text().splitlines()
        )
        free, total = (int(fields[name].split()[0]) for name in ("MemAvailable", "MemTotal"))
    except (OSError, KeyError, ValueError, IndexError):
        return None
    return Memory(free * 1024, total * 1024)


def _list_groups(root: Path) -> list[Memory | None]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[Memory | None] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top = root / "sys/fs/cgroup"
            names = ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        folder = top / path.lstrip("/")
        # A container sees its own group as the top, while the path is that of its host.
        groups = [group for group in (folder, *folder.parents) if group.is_relative_to(top)]
        found += [_read_group(group, names) for group in groups]
    return found


def _read_group(folder: Path, names: Sequence[str]) -> Memory | None:
    limit_name, used_name, cached_name = names
    try:
        limit = int((folder / limit_name).read_text())  # "max" is not a number
        used = int((folder / used_name).read_text())
        rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = next((int(row[1]) for row in rows if row[0] == cached_name), 0)
    except (OSError, ValueError, IndexError):
        return None
    return Memory(max(0, limit - used + cached), limit) if limit < UNLIMITED else None
