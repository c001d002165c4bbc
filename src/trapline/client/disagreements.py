"""Methods for disagreements between model versions and people."""

from trapline.client.api_session import ApiSession
from trapline.wire.disagreements import ComparedPairs, ConfusionMatrix


class DisagreementApi:
    """Methods for disagreements."""

    _to: ApiSession

    def list_compared_pairs(self, project: int) -> ComparedPairs:
        """List the pairs of model versions and people that answered on the same images."""
        return self._to.get("/disagreements", ComparedPairs, {"project": project})

    def get_confusion_matrix(
        self, project: int, source_a: str, source_b: str, **filters: str | int | float | None
    ) -> ConfusionMatrix:
        """Count the images of a project by the answers of two sources; filters: as of images.

        A source is `model:` with a name and version, `people`, or `user:` with the ID of a user.
        """
        asked = filters | {"project": project, "source_a": source_a, "source_b": source_b}
        return self._to.get("/disagreements/matrix", ConfusionMatrix, asked)
