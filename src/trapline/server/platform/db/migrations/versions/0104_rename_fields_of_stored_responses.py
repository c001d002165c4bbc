"""Rename fields in stored responses of requests with an Idempotency-Key"""

from alembic import op

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None

_FIELDS = (
    ("POST /jobs", "standing", "automatic"),
    ("POST /jobs", "why", "status_reason"),
    ("POST /deployments/csv", "made", "created"),
    ("POST /deployments%", "dating", "capture_times_pending"),
    ("POST /projects%", "gone_after", "purge_after"),
    ("POST events", "noted", "recorded"),
)
"""Routes, as patterns of `like`, with the earlier and the present name of a field."""


def upgrade() -> None:
    """Rename the fields, so that a repeated request gets the response of the first one.

    A process of the earlier version cannot read the renamed responses. During the upgrade, a
    repeated request to such a process fails. It succeeds after the upgrade.
    """
    for route, earlier, present in _FIELDS:
        _rename(route, earlier, present)
    _rename_in_options("with_pictures", "with_images")


def downgrade() -> None:
    """Restore the earlier names."""
    for route, earlier, present in _FIELDS:
        _rename(route, present, earlier)
    _rename_in_options("with_images", "with_pictures")


def _rename(route: str, before: str, after: str) -> None:
    op.execute(
        f"""
        update idempotency_keys k set answer = convert_to(
            ((j.body - '{before}') || jsonb_build_object('{after}', j.body -> '{before}'))::text,
            'UTF8')
        from (
            select actor, key, convert_from(answer, 'UTF8')::jsonb as body
            from idempotency_keys where route like '{route}'
        ) j
        where (k.actor, k.key) = (j.actor, j.key) and j.body ? '{before}'
        """  # noqa: S608 - constants of this file
    )


def _rename_in_options(before: str, after: str) -> None:
    op.execute(
        f"""
        update idempotency_keys k set answer = convert_to(
            jsonb_set(j.body, '{{options}}', (j.body -> 'options') - '{before}'
                || jsonb_build_object('{after}', j.body #> '{{options,{before}}}'))::text,
            'UTF8')
        from (
            select actor, key, convert_from(answer, 'UTF8')::jsonb as body
            from idempotency_keys where route = 'POST /exports'
        ) j
        where (k.actor, k.key) = (j.actor, j.key) and j.body -> 'options' ? '{before}'
        """  # noqa: S608 - constants of this file
    )
