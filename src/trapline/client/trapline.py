"""The client of the Trapline server: one class with a method for each endpoint."""

from typing import Self

from trapline import __version__
from trapline.client.analyses import AnalysisApi
from trapline.client.annotations import AnnotationApi
from trapline.client.api_session import ApiSession
from trapline.client.current_user import CurrentUserApi
from trapline.client.deployments import DeploymentApi
from trapline.client.disagreements import DisagreementApi
from trapline.client.exports import ExportApi
from trapline.client.identifications import IdentificationApi
from trapline.client.image_uploads import ImageUploadApi
from trapline.client.images import ImageApi
from trapline.client.imports import ImportApi
from trapline.client.insights import InsightApi
from trapline.client.jobs import JobApi
from trapline.client.notices import NoticeApi
from trapline.client.observations import ObservationApi
from trapline.client.presets import PresetApi
from trapline.client.projects import ProjectApi
from trapline.client.public_projects import PublicProjectApi
from trapline.client.retry import RetryPolicy
from trapline.client.review_sets import ReviewSetApi
from trapline.client.runs import RunApi
from trapline.client.saved_views import SavedViewApi
from trapline.client.sources import SourceApi
from trapline.client.taxa import TaxonApi
from trapline.client.users import UserApi
from trapline.client.webhooks import WebhookApi
from trapline.client.worker_protocol import WorkerProtocolApi
from trapline.client.workers import WorkerApi


class Trapline(
    AnalysisApi,
    AnnotationApi,
    CurrentUserApi,
    DeploymentApi,
    ExportApi,
    IdentificationApi,
    ImageApi,
    ImageUploadApi,
    ImportApi,
    InsightApi,
    JobApi,
    NoticeApi,
    ObservationApi,
    PresetApi,
    ProjectApi,
    PublicProjectApi,
    ReviewSetApi,
    RunApi,
    SavedViewApi,
    DisagreementApi,
    SourceApi,
    TaxonApi,
    UserApi,
    WebhookApi,
    WorkerApi,
    WorkerProtocolApi,
):
    """A session with a server; close it or use it in a `with`. Safe to use from several threads.

    Every method raises ApiStatusError if the server refuses the request, and ApiConnectionError if
    there is no response. GET requests are retried after transient failures; of the other requests
    only idempotent ones are.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        user_agent: str | None = None,
        retry: RetryPolicy | None = None,
        read_timeout_s: float = 30.0,
        post_timeout_s: float = 60.0,
    ) -> None:
        self._to = ApiSession(
            url,
            token,
            user_agent=user_agent or f"trapline/{__version__}",
            retry=retry or RetryPolicy(),
            read_timeout_s=read_timeout_s,
            post_timeout_s=post_timeout_s,
        )

    @property
    def root(self) -> str:
        """The URL of the API, ending in /api/v2."""
        return self._to.root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session."""
        self._to.close()
