"""Counts of failed attempts to sign in, shared by all processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.accounts.rules.login_backoff import FORGOTTEN_AFTER, TRUSTED_FOR, LoginBackoff
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row


class SignInFailureRow(Row):
    """Consecutive failures of an account, an address, or an account from an address.

    `key` is a hash, so that no names are stored. `trusted_until` is set for an account and an
    address after a successful sign-in.
    """

    __tablename__ = "sign_in_failures"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(index=True)
    not_before: Mapped[datetime]
    trusted_until: Mapped[datetime | None]


@dataclass(frozen=True)
class SignInAttempt:
    """The keys of the three counts of an attempt."""

    both: bytes
    address: bytes
    account: bytes


async def count_attempt(
    scope: Scope, tx: Transaction, attempt: SignInAttempt, patience: Mapping[bytes, LoginBackoff]
) -> int:
    """Count an attempt as failed before its password is verified, so that concurrent ones count.

    Returns 0, or the number of seconds to wait. In the second case nothing is counted and the
    caller rolls the transaction back.
    """
    keys = sorted(patience)  # one order prevents deadlocks
    await tx.execute(
        "insert into sign_in_failures (key, failures, last_at, not_before)"
        " select key, 0, clock_timestamp(), clock_timestamp() from unnest(%s::bytea[]) key order "
        "by key"
        " on conflict do nothing",
        (keys,),
    )
    cursor = await tx.execute(
        """
        select key, case when last_at < clock_timestamp() - %s then 0 else failures end,
            ceil(extract(epoch from not_before - clock_timestamp()))::integer,
            coalesce(trusted_until > clock_timestamp(), false)
        from sign_in_failures where key = any(%s) order by key for update
        """,
        (FORGOTTEN_AFTER, keys),
    )
    found = {
        bytes(key): (failures, wait, trusted)
        for key, failures, wait, trusted in await cursor.fetchall()
    }
    is_trusted = found[attempt.both][2]
    waits: list[int] = [
        wait for key, (_, wait, _) in found.items() if not (key == attempt.account and is_trusted)
    ]
    if (longest := max(waits)) > 0:
        return longest
    for key, (failures, _, _) in found.items():
        await tx.execute(
            "update sign_in_failures set failures = %(failures)s, last_at = clock_timestamp(),"
            " not_before = clock_timestamp() + make_interval(secs => %(wait)s) where key = %(key)s",
            {"failures": failures + 1, "wait": patience[key].wait_after(failures + 1), "key": key},
        )
    return 0


async def undo_attempt(scope: Scope, tx: Transaction, attempt: SignInAttempt) -> None:
    """Undo the count of a successful attempt.

    The counts of the account are reset; the count of the address is reduced by this attempt.
    """
    await tx.execute(
        """
        update sign_in_failures set not_before = clock_timestamp(),
            failures = case when key = %(address)s then greatest(failures - 1, 0) else 0 end,
            trusted_until = case when key = %(both)s
                then clock_timestamp() + %(trusted)s else trusted_until end
        where key in (
            select key from sign_in_failures where key in (%(both)s, %(address)s, %(account)s)
            order by key for update
        )
        """,
        {
            "both": attempt.both,
            "address": attempt.address,
            "account": attempt.account,
            "trusted": TRUSTED_FOR,
        },
    )


async def purge_failure_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Purge expired counts, at most `limit`; return how many were deleted."""
    cursor = await tx.execute(
        "delete from sign_in_failures where key in (select key from sign_in_failures"
        " where last_at < now() - %s and coalesce(trusted_until < now(), true) limit %s for update "
        "skip locked)",
        (FORGOTTEN_AFTER, limit),
    )
    return cursor.rowcount
