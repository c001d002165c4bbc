"""Disagreements: where the answers of model versions and people differ."""

from pydantic import Field

from trapline.wire.image_filters import ComparisonKind, ImageConditions
from trapline.wire.values import AnyText, Count, Message


class ComparedPair(Message):
    """Two sources that both answered on images, with the number of these images.

    A source is `model:` with the name and version of a model, `people`, or `user:` with the ID of a
    user. `open` differences wait for the decision of a person.
    """

    kind: ComparisonKind
    source_a: AnyText
    name_a: AnyText
    source_b: AnyText
    name_b: AnyText
    images: Count
    differ: Count
    open: Count


class ComparedPairs(Message):
    """The compared pairs of a project, those with the most open differences first."""

    pairs: list[ComparedPair]
    pairs_left_out: Count = Field(description="Further pairs, with fewer open differences.")


class MatrixCell(Message):
    """The images on which one source gave one answer and the other another.

    `filter` has the conditions of the list of exactly these images; `agree` is false if the answers
    differ on some of them.
    """

    answer_a: AnyText
    answer_b: AnyText
    images: Count
    open: Count
    agree: bool
    filter: ImageConditions


class ConfusionMatrix(Message):
    """The answers of two sources to the images that both answered, the most frequent cells first.

    The sums are those of all cells.
    """

    kind: ComparisonKind
    source_a: AnyText
    name_a: AnyText
    source_b: AnyText
    name_b: AnyText
    images: Count
    differ: Count
    open: Count
    cells: list[MatrixCell]
    cells_left_out: Count
    images_left_out: Count
