"""Store the species that are pinned to the keys of the review"""

from alembic import op

revision = "0117"
down_revision = "0115"
branch_labels = None
depends_on = None

PALETTES = """
create table palettes (
    project_id bigint not null constraint fk_palettes_project_id
        references projects (id) on delete cascade,
    updated_at timestamp with time zone not null,
    constraint pk_palettes primary key (project_id)
)
"""

KEYS = """
create table palette_keys (
    project_id bigint not null constraint fk_palette_keys_project_id
        references palettes (project_id) on delete cascade,
    key smallint not null,
    taxon_id uuid,
    label text,
    constraint pk_palette_keys primary key (project_id, key),
    constraint fk_palette_keys_project_id_taxon_id foreign key (project_id, taxon_id)
        references taxa (project_id, id) on delete cascade,
    constraint ck_palette_keys_key check (key between 1 and 9),
    constraint ck_palette_keys_species check ((taxon_id is null) <> (label is null))
)
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(PALETTES)
    op.execute(KEYS)


def downgrade() -> None:
    """Drop the tables."""
    op.execute("drop table palette_keys")
    op.execute("drop table palettes")
