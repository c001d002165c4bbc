"""Requests that were already answered, by their Idempotency-Key."""

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Now, Row


class IdempotencyRow(Row):
    """The answer that a creating request got; the same key and body from the same caller gets it again."""

    __tablename__ = "idempotency_keys"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    location: Mapped[str | None]
    created_at: Mapped[Now]
