"""Lists as tables: in a notebook, as plain rows, and for pandas."""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from html import escape
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from trapline.client.notebook_images import DisplayableImage, Gallery
from trapline.wire import values
from trapline.wire.runs import Run

Item = TypeVar("Item")

SHOWN = 100
LONGEST_TEXT = 80


class Table:
    """Messages or mappings as rows, from a list, a page's results or `iterate`.

    A notebook shows the first 100.
    """

    def __init__(self, rows: Iterable[BaseModel | Mapping[str, Any]]) -> None:
        self._rows = [
            _flatten(row.model_dump() if isinstance(row, BaseModel) else row) for row in rows
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_dicts())

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns; nested values have dots, such as data.x_min."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows with every column; IDs are text, timestamps are datetimes."""
        columns = self.columns
        return [{name: row.get(name) for name in columns} for row in self._rows]

    def to_pandas(self) -> Any:
        """Return the rows as a DataFrame.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        # pandas is large, and few users of the client have it.
        return importlib.import_module("pandas").DataFrame(self.to_dicts(), columns=self.columns)

    def to_html(self) -> str:
        """Return the first rows as escaped HTML."""
        # Anyone with a signed URL can download the image, so it must not be in a shared
        # notebook.
        columns = [name for name in self.columns if not name.endswith("_url")]
        head = "".join(f"<th>{escape(name)}</th>" for name in columns)
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{escape(_describe(row.get(name)))}</td>" for name in columns)
            + "</tr>"
            for row in self._rows[:SHOWN]
        )
        more = len(self._rows) - SHOWN
        told = f"<p>and {more:,} more</p>" if more > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{told}"

    def _repr_html_(self) -> str:
        return self.to_html()


class NotebookPage(values.Page[Item], Generic[Item]):
    """One page of a list; a notebook shows images, and other records as a table."""

    def to_table(self) -> Table:
        """Return the results as a table."""
        return Table(result for result in self.results if isinstance(result, BaseModel))

    def _repr_html_(self) -> str:
        images = [result for result in self.results if isinstance(result, DisplayableImage)]
        shown = Gallery(images).to_html() if images else self.to_table().to_html()
        return shown if self.next is None else f"{shown}<p>one page of {self.count:,}</p>"


class NotebookRun(Run):
    """A run. A notebook shows its progress, and its findings by class."""

    def _repr_html_(self) -> str:
        progress = self.progress
        head = f"{self.job_id} · {self.preset or self.pipeline} · {self.status.value}"
        figures = f"{progress.completed:,} of {progress.total:,} images, {progress.failed:,} failed"
        told = (
            f"<p><b>{escape(head)}</b><br>{figures}. {escape(self.error or self.status_reason)}</p>"
        )
        if self.result is None:
            return told
        classes = sorted(self.result.by_class.items(), key=lambda item: (-item[1], item[0]))
        return (
            told + Table({"class": name, "annotations": count} for name, count in classes).to_html()
        )


def _flatten(row: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """Flatten nested mappings of a message to names with dots."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and value:
            flat |= _flatten(value, f"{within}{name}.")
        else:
            flat[f"{within}{name}"] = _simplify(value)
    return flat


def _simplify(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [_simplify(inner) for inner in value]
    if isinstance(value, Mapping):
        return {name: _simplify(inner) for name, inner in value.items()} or None
    return str(value) if isinstance(value, UUID) else value


def _describe(value: Any) -> str:
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
