/** Boxes that the user draws, as decisions that are queued, and how they are shown before that. */
import type { Annotation, Observation } from "../api/types"
import type { BoxCorners, BoxDecision, BoxValues, Decision } from "./decisions"

/** Generate the ID of a new box, a random UUID. `randomUUID` exists only on https and localhost. */
export function generateBoxId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}

/** Return the values of a stored box of a person. */
export function getBoxValues(stored: Annotation): BoxValues {
  const { x_min, y_min, x_max, y_max } = stored.data as unknown as BoxCorners
  const said = stored.stated
  return {
    box: { x_min, y_min, x_max, y_max },
    polygon: (stored.data.points as number[][] | undefined) ?? null,
    taxon: said?.taxon_id ?? null,
    label: stored.class_name ?? said?.label ?? "",
    count: said?.count ?? null,
    sex: said?.sex ?? null,
    life_stage: said?.life_stage ?? null,
    behaviour: said?.behaviour ?? null,
    individual_id: said?.individual_id ?? null,
  }
}

/** The state of a box after a decision; a deleted box is null. */
export const getAction = (one: Pick<BoxDecision, "before" | "after">) =>
  one.after === null ? "delete" : one.before === null ? "create" : "update"

/** Build the decision that undoes another one. A box that was deleted is restored with its ID. */
export function invertBoxDecision(one: BoxDecision) {
  const { project, image, filename, target, id, supersedes, by, version } = one
  const shown = { project, image, filename, target }
  const values = { before: one.after, after: one.before }
  return { act: "box" as const, ...shown, ...values, id, supersedes, by, version, made: null }
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Whether the server already has what a decision asks for, so that nothing is in conflict. */
export function isFulfilled(one: BoxDecision, stored: Annotation | null): boolean {
  if (one.after === null || stored === null) return one.after === stored
  return isSameShape(getBoxValues(stored), one.after)
}

type ShapeValues = Pick<BoxValues, "box" | "polygon">

/** Whether two boxes, points or polygons are the same. */
export const isSameShape = (one: ShapeValues, other: ShapeValues): boolean =>
  isSame(listNumbers(one), listNumbers(other))

const listNumbers = ({ box, polygon }: ShapeValues) => [
  [box.x_min, box.y_min, box.x_max, box.y_max],
  polygon ?? null,
]

/** Whether the values are those of a point. */
export const isPoint = ({ box, polygon }: ShapeValues): boolean =>
  !polygon && box.x_min === box.x_max

/** Build type and data of the annotation, as the server returns them. */
function buildData(values: ShapeValues): Pick<Annotation, "annotation_type" | "data"> {
  const { box, polygon } = values
  if (polygon)
    return {
      annotation_type: "segmentation",
      data: { format: "polygon", points: polygon, ...box },
    }
  return isPoint(values)
    ? {
        annotation_type: "keypoint",
        data: { keypoints: [{ x: box.x_min, y: box.y_min }], ...box },
      }
    : { annotation_type: "bounding_box", data: { ...box } }
}

/** List decisions about boxes that data fetched at this time do not contain, in order. */
function listLate(decisions: readonly Decision[], fetchedAt: number): BoxDecision[] {
  return decisions.filter(
    (one): one is BoxDecision =>
      one.act === "box" &&
      (one.state === "waiting" || (one.state === "sent" && (one.sentAt ?? 0) > fetchedAt)),
  )
}

/** Return the last state of each box that was decided about. */
function getLast(late: readonly BoxDecision[]): Map<string, BoxDecision> {
  return new Map(late.map((one) => [one.id, one]))
}

function buildBox(one: BoxDecision, values: BoxValues): Annotation {
  const { taxon, label, count, sex, life_stage, behaviour, individual_id } = values
  const at = new Date(one.madeAt).toISOString()
  const details = { count, sex, life_stage, behaviour, individual_id }
  return {
    id: one.id,
    analysis_id: null,
    ...buildData(values),
    class_name: label,
    confidence: null,
    storage_path: null,
    artifact_id: null,
    download_url: null,
    parent_id: null,
    ordering: null,
    scaled: false,
    algorithm: null,
    created_at: at,
    identification: null,
    source: "human",
    stated: { taxon_id: taxon, label, ...details } as Annotation["stated"],
    author: one.by,
    author_id: one.user,
    supersedes: one.supersedes,
    version: one.version,
    updated_at: at,
  }
}

/** Apply decisions to the boxes of an image that were fetched at a time. */
export function applyBoxes(
  stored: readonly Annotation[],
  decisions: readonly Decision[],
  fetchedAt: number,
): Annotation[] {
  const last = getLast(listLate(decisions, fetchedAt))
  const changed = stored.flatMap((one) => {
    const decision = last.get(one.id)
    if (!decision) return [one]
    const { after, made } = decision
    if (!after) return []
    return [{ ...one, ...buildData(after), version: made?.version ?? one.version }]
  })
  const known = new Set(stored.map(({ id }) => id))
  const added = [...last.values()].flatMap((one) =>
    one.after && !known.has(one.id) ? [one.made ?? buildBox(one, one.after)] : [],
  )
  return [...changed, ...added]
}

/** Apply decisions about boxes to observations that were fetched at a time. */
export function applyBoxesToObservations(
  observations: readonly Observation[],
  decisions: readonly Decision[],
  fetchedAt: number,
): Observation[] {
  const last = getLast(listLate(decisions, fetchedAt))
  if (last.size === 0) return [...observations]
  const hidden = new Set<string | null>()
  for (const { id, after, supersedes } of last.values()) {
    if (after === null) hidden.add(id)
    else if (supersedes !== null) hidden.add(supersedes)
  }
  const kept = observations.filter(
    ({ annotation_id, kind, image_id }) =>
      !hidden.has(annotation_id) &&
      // An image with a new box is not blank.
      !(kind === "blank" && [...last.values()].some((one) => one.after && one.image === image_id)),
  )
  const shown = new Set(kept.map((one) => one.annotation_id))
  const added = [...last.values()].flatMap((one) =>
    one.after && !shown.has(one.id) ? [buildObservation(one, one.after)] : [],
  )
  return [...kept, ...added]
}

/** Apply decisions about boxes to a unit of a review; without any the same unit is returned. */
export function applyBoxesToUnit<Unit extends UnitBoxes>(
  unit: Unit,
  decisions: readonly Decision[],
  fetchedAt: number,
): Unit {
  const images = new Set(unit.images.map(({ id }) => id))
  const own = decisions.filter((one) => one.act === "box" && images.has(one.image))
  if (own.length === 0) return unit
  return { ...unit, observations: applyBoxesToObservations(unit.observations, own, fetchedAt) }
}

interface UnitBoxes {
  images: readonly { id: string }[]
  observations: Observation[]
}

function buildObservation(one: BoxDecision, values: BoxValues): Observation {
  const { taxon, label, count, sex, life_stage, behaviour, individual_id } = values
  return {
    id: `waiting:${one.id}`,
    project_id: one.project,
    image_id: one.image,
    annotation_id: one.id,
    analysis_id: null,
    kind: "animal",
    source: "human",
    name: label,
    label,
    taxon_id: taxon,
    count,
    sex,
    life_stage,
    behaviour,
    individual_id,
    confidence: null,
    identification_id: null,
    identified_by: one.by,
    identified_at: new Date(one.madeAt).toISOString(),
    person_id: one.user,
    model_name: null,
    model_version: null,
    needs_review: false,
    captured_at: new Date(one.madeAt).toISOString(),
    deployment_id: "",
    sequence_id: null,
  }
}

/** Let a box replace what another user stored; a box that was withdrawn is drawn again. */
export function replaceTheirs(one: BoxDecision): BoxDecision {
  const theirs = one.refusal?.theirs
  if (theirs) return { ...one, version: theirs.version ?? 0 }
  return theirs === null ? { ...one, id: generateBoxId(), before: null, version: 0 } : one
}
