"""Rules that group images by time where people split or merged sequences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7


@dataclass(frozen=True, slots=True)
class MarkedImage:
    """An image, its sequence, and its mark: the sequence that a person put it into, if any.

    `span` is the time from the first to the last image of that sequence when it was marked.
    """

    id: UUID
    at: datetime
    sequence_id: UUID | None = None
    mark: UUID | None = None
    span: timedelta = timedelta(0)


@dataclass
class MarkedGroup:
    """The images of a sequence by time, and the mark that some of them share."""

    images: list[MarkedImage] = field(default_factory=list)
    mark: UUID | None = None

    @property
    def marked(self) -> int:
        """The number of its images with its mark."""
        return sum(one.mark == self.mark for one in self.images)


def group_marked_images(images: Sequence[MarkedImage], gap_s: float) -> list[MarkedGroup]:
    """Group images, ordered by time and ID, by their marks and by the gap.

    Images with the same mark form one sequence with all images between them. Images with different
    marks never do. Other images join their neighbour if they are closer than the gap, the earlier
    neighbour first.

    >>> at = datetime(2026, 1, 1)
    >>> fox, deer = UUID(int=1), UUID(int=2)
    >>> found = group_marked_images([
    ...     MarkedImage(UUID(int=3), at, mark=fox), MarkedImage(UUID(int=4), at, mark=deer)], 120)
    >>> [one.mark == fox for one in found]
    [True, False]
    """
    ends = _find_runs(images)
    groups: list[MarkedGroup] = []
    over = -1
    for number, image in enumerate(images):
        last = groups[-1] if groups else None
        begins = number in ends
        if last is not None and (
            number <= over
            or (
                image.at - last.images[-1].at < timedelta(seconds=gap_s)
                and not (begins and last.mark is not None)
            )
        ):
            last.images.append(image)
        else:
            last = MarkedGroup([image])
            groups.append(last)
        if begins:
            over, last.mark = ends[number], image.mark
    return groups


def _find_runs(images: Sequence[MarkedImage]) -> dict[int, int]:
    """Find the images with the same mark; return the number of each run's first and last image.

    A run ends where two of its images are further apart than their sequence was long: a time that a
    person edited afterwards may be years away, and the images between belong to others.
    """
    runs: dict[int, int] = {}
    first = 0
    last: MarkedImage | None = None
    for number, image in enumerate(images):
        if image.mark is None:
            continue
        if (
            last is None
            or image.mark != last.mark
            or image.at - last.at > max(image.span, last.span)
        ):
            first = number
        last = image
        runs[first] = number
    return runs


def assign_sequence_ids(
    groups: Sequence[MarkedGroup], earlier: Mapping[UUID, UUID]
) -> list[tuple[UUID, MarkedGroup]]:
    """Assign each group the ID of its sequence: that of its mark, or the one of most of its images.

    `earlier` has sequences that replace the present ones of images. Of several groups with the same
    mark, which edited times can cause, the largest has its ID.
    """
    marks = {one.mark for group in groups for one in group.images if one.mark is not None}
    largest: dict[UUID, MarkedGroup] = {}
    for group in groups:
        if group.mark is None:
            continue
        known = largest.get(group.mark)
        if known is None or group.marked > known.marked:
            largest[group.mark] = group
    used = set(marks)
    found = []
    for group in groups:
        if group.mark is not None and largest[group.mark] is group:
            found.append((group.mark, group))
            continue
        counts = Counter(
            key
            for one in group.images
            if (key := earlier.get(one.id, one.sequence_id)) is not None and key not in used
        )
        key = min(counts, key=lambda one: (-counts[one], one), default=None) or uuid7()
        used.add(key)
        found.append((key, group))
    return found
