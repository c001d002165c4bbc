/** Builds the decisions about boxes that the user draws, and names them. */
import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { callerQuery } from "../api/session"
import type { Observation } from "../api/types"
import type { Finding } from "../findings/findings"
import { getShape, type Rectangle } from "../findings/shapes"
import { canManage, canReview, useProject } from "../projects/projectContext"
import type { EditableBox } from "../viewer/boxDraft"
import { type DrawnShape, getExtent } from "../viewer/shapeGeometry"
import { generateBoxId, getBoxValues, isPoint, isSameShape } from "./boxDecisions"
import type { BoxCorners, BoxValues, NewBoxDecision } from "./decisions"
import { getOutbox } from "./outbox"

/** The image that is drawn on. */
interface DrawnImage {
  id: string
  project_id: number
  filename: string
  width: number
  height: number
  deleted?: unknown
}

type BoxName = Pick<BoxValues, "taxon" | "label">

/** The label of a box without a name, as models give it; it is stored, in any language. */
const ANIMAL = "animal"
const NO_DETAILS = {
  count: null,
  sex: null,
  life_stage: null,
  behaviour: null,
  individual_id: null,
}

/** The last name that the user gave to a box or a unit, by project: the next box gets it. */
const lastNames = new Map<number, BoxName>()

export function setLastName(project: number, name: BoxName): void {
  lastNames.set(project, name)
}

function buildCorners({ x, y, width, height }: Rectangle, image: DrawnImage): BoxCorners {
  return {
    x_min: Math.max(0, Math.round(x)),
    y_min: Math.max(0, Math.round(y)),
    x_max: Math.min(image.width, Math.round(x + width)),
    y_max: Math.min(image.height, Math.round(y + height)),
  }
}

/** Build the values of a shape. */
const buildShape = (shape: DrawnShape, image: DrawnImage): Pick<BoxValues, "box" | "polygon"> => ({
  box: buildCorners(getExtent(shape), image),
  polygon: shape.kind === "polygon" ? shape.corners.map(({ x, y }) => [x, y]) : null,
})

/** Return the shape of a box that a person drew. */
function readShape(values: BoxValues): DrawnShape {
  const { x_min: x, y_min: y, x_max, y_max } = values.box
  if (values.polygon)
    return {
      kind: "polygon",
      corners: values.polygon.map(([x = 0, y = 0]) => ({ x, y })),
    }
  if (isPoint(values)) return { kind: "point", at: { x, y } }
  return { kind: "box", bounds: { x, y, width: x_max - x, height: y_max - y } }
}

const getName = (one: Observation): BoxName => ({
  taxon: one.taxon_id,
  label: one.name || one.label || ANIMAL,
})

/** Return the name of a new box: the last one, or otherwise the only one that was observed. */
function getNextName(project: number, observations: readonly Observation[]): BoxName {
  const last = lastNames.get(project)
  if (last) return last
  const named = observations.filter((one) => one.kind !== "blank" && (one.name || one.label))
  const first = named[0]
  return first && named.every((one) => one.name === first.name)
    ? getName(first)
    : { taxon: null, label: ANIMAL }
}

/** Return the name that the user gave to a box of a model in this browser. */
function findDecidedName(id: string): BoxName | null {
  const one = getOutbox().decisions.findLast(
    (other) =>
      other.act === "identify" &&
      other.state !== "refused" &&
      other.body.kind === "correct" &&
      other.body.annotations.includes(id),
  )
  return one?.act === "identify" && one.label
    ? { taxon: one.body.taxon ?? null, label: one.label }
    : null
}

/** Return what a box of a model shows, so that the box that corrects it shows the same. */
function describe(finding: Finding, observations: readonly Observation[]) {
  const one = observations.find(({ annotation_id }) => annotation_id === finding.id)
  const label = finding.name ?? ANIMAL
  if (!one) return { ...NO_DETAILS, ...(findDecidedName(finding.id) ?? { taxon: null, label }) }
  const { count, sex, life_stage, behaviour, individual_id } = one
  return {
    count,
    sex: sex as BoxValues["sex"],
    life_stage: life_stage as BoxValues["life_stage"],
    behaviour,
    individual_id,
    ...(findDecidedName(finding.id) ?? getName(one)),
  }
}

/** `observations` are those of the image or of the unit that is reviewed. */
export function useDrawnBoxes(image: DrawnImage | undefined, observations: readonly Observation[]) {
  const project = useProject()
  const { data: caller } = useQuery(callerQuery)
  const by = caller?.name || caller?.email || ""
  const canDraw = image !== undefined && canReview(project) && !image.deleted

  /** Whether the user may change the box of a finding. */
  const canChange = useCallback(
    (finding: Finding): boolean => {
      const { annotation, analysis } = finding
      if (!canDraw) return false
      if (annotation.source === "human")
        return canManage(project) || annotation.author_id === caller?.user_id
      if (annotation.annotation_type !== "bounding_box") return false
      return analysis.status === "completed" && !analysis.simulated
    },
    [canDraw, project, caller],
  )

  /** Return the shape of a finding if the user may change it. */
  const findEditable = useCallback(
    (finding: Finding | undefined): EditableBox | null => {
      if (!finding || !canChange(finding)) return null
      if (finding.annotation.source === "human")
        return { finding, shape: readShape(getBoxValues(finding.annotation)) }
      const { shape } = finding
      return shape.kind === "box" ? { finding, shape: { kind: "box", bounds: shape.bounds } } : null
    },
    [canChange],
  )

  /** Build the decision that creates a box, changes it, or corrects a box of a model. */
  const build = (drawn: DrawnShape, of: Finding | null): NewBoxDecision | null => {
    if (!image) return null
    const place = buildShape(drawn, image)
    const shared = {
      act: "box" as const,
      project: image.project_id,
      image: image.id,
      filename: image.filename,
      by,
      made: null,
    }
    if (of?.annotation.source === "human") {
      const before = getBoxValues(of.annotation)
      if (isSameShape(place, before)) return null
      return {
        ...shared,
        target: of.name ?? before.label,
        id: of.id,
        before,
        after: { ...before, ...place },
        supersedes: of.annotation.supersedes ?? null,
        version: of.annotation.version ?? 0,
      }
    }
    const shape = of && getShape(of.annotation, image)
    if (shape?.kind === "box" && isSameShape(place, { box: buildCorners(shape.bounds, image) }))
      return null
    const values = of
      ? describe(of, observations)
      : { ...NO_DETAILS, ...getNextName(image.project_id, observations) }
    setLastName(image.project_id, values)
    return {
      ...shared,
      target: values.label,
      id: generateBoxId(),
      before: null,
      after: { ...values, ...place },
      supersedes: of?.id ?? null,
      version: 0,
    }
  }

  /** Build the decision that withdraws a box of a person. */
  const buildRemoval = (of: Finding): NewBoxDecision | null => {
    if (!image) return null
    const before = getBoxValues(of.annotation)
    return {
      act: "box",
      project: image.project_id,
      image: image.id,
      filename: image.filename,
      target: of.name ?? before.label,
      by,
      made: null,
      id: of.id,
      before,
      after: null,
      supersedes: of.annotation.supersedes ?? null,
      version: of.annotation.version ?? 0,
    }
  }

  return { canDraw, canChange, findEditable, shapes: project.shapes, build, buildRemoval }
}
