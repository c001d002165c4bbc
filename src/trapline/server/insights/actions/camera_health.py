"""Camera health: deployments by the urgency of a visit."""

from datetime import timedelta

import numpy as np

from trapline.server.insights.actions.summary import get_state
from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_datetime, to_moment
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.camera_health import CameraHealth, CameraStatus, HealthProblem
from trapline.wire.insight_summary import DeploymentState

MOSTLY_BLANK = 0.9
LEAST_IMAGES = 50
"""Smallest number of images for a judgement of their blanks or of their rate."""
RECENT_DAYS = 7
FEWER = 0.2
URGENCY = {
    HealthProblem.SILENT: 60,
    HealthProblem.NO_IMAGES: 40,
    HealthProblem.CLOCK_IN_FUTURE: 30,
    HealthProblem.WITHOUT_CAMERA_TIME: 15,
    HealthProblem.MOSTLY_BLANK: 20,
    HealthProblem.FEWER_IMAGES: 25,
}
"""Points of each problem; their sum, at most 100, is the urgency."""


async def get_camera_health(system: AppContext, scope: Scope, project_id: int) -> CameraHealth:
    """List cameras by the urgency of a visit. Raises NotFound."""
    return await build_insight(system, scope, project_id, SurveyFilter(), build_camera_health)


def build_camera_health(survey: FilteredSurvey) -> CameraHealth:
    """Build the list of cameras, the most urgent first."""
    cameras = [_describe(survey, place) for place in range(len(survey.deployments))]
    cameras.sort(key=lambda one: (-one.urgency, -(one.days_since_last_image or 0), one.name))
    return CameraHealth(cameras=cameras, notes=[] if cameras else survey.list_notes())


def _describe(survey: FilteredSurvey, place: int) -> CameraStatus:
    one, state = survey.deployments[place], get_state(survey.deployments[place], survey)
    now = to_moment(survey.now)
    past = one.images[one.images <= now]
    recent = int(np.count_nonzero(past > now - RECENT_DAYS * DAY))
    days = max((past[-1] - past[0]) / DAY, 1.0) if len(past) else None
    per_day = len(past) / days if days else None
    share = survey.blank_images[place] / len(one.images) if len(one.images) else None
    is_running = state in (DeploymentState.ACTIVE, DeploymentState.SILENT)
    last = to_datetime(int(one.images[-1])) if len(one.images) else None
    problems = []
    if state is DeploymentState.EMPTY:
        problems.append(HealthProblem.NO_IMAGES)
    if state is DeploymentState.SILENT:
        problems.append(HealthProblem.SILENT)
    if len(one.images) > len(past):
        problems.append(HealthProblem.CLOCK_IN_FUTURE)
    if one.without_camera_time:
        problems.append(HealthProblem.WITHOUT_CAMERA_TIME)
    if is_running and share is not None and len(past) >= LEAST_IMAGES and share >= MOSTLY_BLANK:
        problems.append(HealthProblem.MOSTLY_BLANK)
    if (
        state is DeploymentState.ACTIVE
        and per_day is not None
        and len(past) >= LEAST_IMAGES
        and recent / RECENT_DAYS < FEWER * per_day
    ):
        problems.append(HealthProblem.FEWER_IMAGES)
    urgency = min(100, sum(URGENCY[problem] for problem in problems))
    return CameraStatus(
        deployment_id=one.id,
        name=survey.names[place],
        state=state,
        urgency=0 if state is DeploymentState.FINISHED else urgency,
        problems=problems,
        images=len(one.images),
        images_per_day=None if per_day is None else float(per_day),
        recent_images_per_day=recent / RECENT_DAYS if is_running else None,
        blank_share=share,
        first_image_at=to_datetime(int(one.images[0])) if len(one.images) else None,
        last_image_at=last,
        days_since_last_image=None if last is None else (survey.now - last) / timedelta(days=1),
        images_in_future=len(one.images) - len(past),
        images_without_camera_time=one.without_camera_time,
    )
