"""The species palette of a project: the species that the keys 1 to 9 of the review assign."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from trapline.wire.values import UUID, AnyText, Id, Message, Name, Request, Time

PALETTE_KEYS = 9


class PaletteSpecies(Message):
    """The species of one key.

    `name` is the accepted scientific name of the taxon, or the label where no taxon is known.
    """

    key: int
    name: AnyText
    taxon_id: UUID | None
    common_names: dict[str, list[AnyText]] = Field(
        description="Common names of the taxon by language code."
    )
    pinned: bool = Field(
        description="Whether a manager chose it for this key; otherwise it is one of the most "
        "frequent species."
    )


class Palette(Message):
    """The species of the keys 1 to 9, in the order of the keys.

    Keys without a pinned species have the most frequent species of the project. A project with few
    species has free keys, which are omitted. `updated_at` is null until a key is pinned.
    """

    project_id: Id
    keys: list[PaletteSpecies]
    updated_at: Time | None


class PinnedSpecies(Request):
    """Request to pin a species to a key: a taxon of the project, or a label."""

    key: Annotated[int, Field(strict=True, ge=1, le=PALETTE_KEYS)]
    taxon: UUID | None = None
    label: Name | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.taxon is None) == (self.label is None):
            raise ValueError("requires either taxon or label")
        return self


class PaletteUpdate(Request):
    """Request to replace all pinned keys; the other keys have the most frequent species."""

    keys: Annotated[list[PinnedSpecies], Field(max_length=PALETTE_KEYS)]

    @model_validator(mode="after")
    def _each_key_once(self) -> Self:
        keys = [one.key for one in self.keys]
        if len(set(keys)) < len(keys):
            raise ValueError("keys must not contain the same key twice")
        return self
