"""Tables of algorithms and of the class lists that they report."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.db.row import Now, Number, Row


class CategoryMapRow(Row):
    """An ordered class list, stored once and identified by its hash."""

    __tablename__ = "category_maps"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    labels: Mapped[list[str]]
    content: Mapped[dict[str, Any]]


class AlgorithmRow(Row):
    """An immutable revision of an algorithm.

    Another category map under the same key and version is another row. `registered` is false if a
    result named the algorithm before a worker registered it.
    """

    __tablename__ = "algorithms"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        Index(
            "uq_algorithms_revision", "project_id", "key", "version", "map_sha256",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    key: Mapped[str]
    version: Mapped[int]
    map_sha256: Mapped[bytes | None] = mapped_column(ForeignKey("category_maps.sha256"))
    name: Mapped[str]
    description: Mapped[str | None]
    task_type: Mapped[str | None]
    version_name: Mapped[str | None]
    uri: Mapped[str | None]
    registered: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Now]
