/** The boxes that people drew, as findings of one group that no model made. */
import type { Analysis, Annotation, ImageDetail } from "../api/types"
import { findingTexts } from "./en"
import { type Finding, listFindings } from "./findings"

/** List boxes of people on an image as findings. */
export function listHumanBoxes(
  image: ImageDetail,
  boxes: Annotation[] = image.boxes_by_people ?? [],
): Finding[] {
  const group: Analysis = {
    id: "people",
    image_id: image.id,
    model_name: findingTexts.people,
    model_version: "",
    status: "completed",
    simulated: false,
    annotations: boxes,
    annotation_count: boxes.length,
    created_at: image.created_at,
    updated_at: image.created_at,
    started_at: null,
    completed_at: null,
    error_message: null,
    external_job_id: null,
    job_id: null,
    is_stale: false,
    parameters: {},
    priority: "normal",
    provenance: {},
    requested_by_id: null,
  }
  return listFindings(group, image)
}
