/**
 * A decision of a review as it is queued in the browser, and how it is shown before the server has
 * it.
 */
import type { Annotation, Identification, NewIdentification } from "../api/types"

/** The state of a decision: queued, stored by the server, or refused by it. */
export type DecisionState = "waiting" | "sent" | "refused"

/** A decision of another user about the same images, or what they show after a change. */
export interface OtherDecision {
  /** Null for results of models or boxes that changed. */
  by: string | null
  /** The decision as text, such as "Red fox × 1". */
  text: string
  /** Whether it says the same. */
  isSame: boolean
}

export interface Refusal {
  status: number
  why: string
  /** The box as another user changed it meanwhile; null if it was withdrawn. */
  theirs?: Annotation | null
  /** The user who changed it. */
  by?: string | null
  other?: OtherDecision
  /** Whether the user can no longer review the project. */
  isRevoked?: boolean
}

/** Image and box that a decision is about, as shown to the user. */
export interface DecisionTarget {
  project: number
  image: string
  /** All images of a sequence; undefined for a decision about one image. */
  images?: string[]
  filename: string
  /** Deployment and time, where the user was shown them. */
  place?: string
  /** The name of the box or of the whole image. */
  target: string
}

interface QueuedDecision extends DecisionTarget {
  /** The position in the order of all decisions; IndexedDB assigns it. */
  number: number
  user: string
  /** The Idempotency-Key. */
  key: string
  madeAt: number
  /** When the server stored it. */
  sentAt?: number
  /**
   * Number of attempts to send it. After the first one the server may have it, even without a
   * response.
   */
  attempts: number
  /** The Idempotency-Key of the request that it shares with other decisions. */
  batch?: string
  state: DecisionState
  refusal?: Refusal
}

export interface IdentifyDecision extends QueuedDecision {
  act: "identify"
  body: NewIdentification
  /**
   * The name shown for a taxon, the user's name, and the analysis that a confirmation of an image
   * is about.
   */
  label: string | null
  by: string
  analysis: string | null
  /**
   * A time of the server: when the data that the user was shown were read, or of a newer
   * identification in the list of the image; undefined for decisions of earlier versions.
   */
  seen?: string
  /** The age of the data that the user was shown, in milliseconds. */
  dataAge?: number
  /** Whether the user chose to send it although it is old, or another user decided after it. */
  confirmed?: boolean
  /**
   * The content of a confirmation, for a user who keeps it after another user decided: a confirmation
   * then confirms the decision of the other user.
   */
  explicit?: NewIdentification
  /** The identifications that the server stored. */
  made: Identification[]
}

export interface WithdrawDecision extends QueuedDecision {
  act: "withdraw"
  /**
   * IDs of identifications on the server, or the key of a decision that was sent before this one.
   */
  ids: string[]
  of: string | null
}

/** Corners in pixels of the upright image. */
export interface BoxCorners {
  x_min: number
  y_min: number
  x_max: number
  y_max: number
}

/** The values of a box that a person drew. */
export interface BoxValues {
  /** The corners of a box, or the extent of a polygon; that of a point has no width and height. */
  box: BoxCorners
  /** The corners of a polygon; decisions of earlier versions of the page have none. */
  polygon?: number[][] | null
  taxon: string | null
  label: string
  count: number | null
  sex: NonNullable<NewIdentification["sex"]> | null
  life_stage: NonNullable<NewIdentification["life_stage"]> | null
  behaviour: string | null
  individual_id: string | null
}

/** A box that was drawn, changed or deleted. */
export interface BoxDecision extends QueuedDecision {
  act: "box"
  /** The ID of the box, which this browser chose if the user drew it. */
  id: string
  /** Null before the box was drawn. */
  before: BoxValues | null
  /** Null for a box that was deleted. */
  after: BoxValues | null
  /** The annotation of a model that the box corrects. */
  supersedes: string | null
  /** The user's name. */
  by: string
  /** The version that the user was shown; 0 if the server did not have the box. */
  version: number
  /** The box that the server stored. */
  made: Annotation | null
}

/** A star that was set on an image or removed from it. */
export interface StarDecision extends QueuedDecision {
  act: "star"
  starred: boolean
}

export type Decision = IdentifyDecision | WithdrawDecision | BoxDecision | StarDecision
export type UnnumberedDecision =
  | Omit<IdentifyDecision, "number">
  | Omit<WithdrawDecision, "number">
  | Omit<BoxDecision, "number">
  | Omit<StarDecision, "number">
type UnqueuedDecision<One> = Omit<
  One,
  "number" | "user" | "key" | "madeAt" | "attempts" | "batch" | "state"
>
export type NewBoxDecision = UnqueuedDecision<BoxDecision>
export type NewDecision =
  | UnqueuedDecision<IdentifyDecision>
  | UnqueuedDecision<WithdrawDecision>
  | UnqueuedDecision<StarDecision>
  | NewBoxDecision

/** List the images that a decision is about. */
export const listDecidedImages = (one: DecisionTarget): string[] => one.images ?? [one.image]

/** List one identification of each statement: those of a sequence are withdrawn together. */
export const listStatements = (made: Identification[]): string[] => [
  ...new Map(made.map((one) => [one.statement_id ?? one.id, one.id])).values(),
]

/**
 * Queue a refused decision again; the user decided to send it. One that the server may have stored
 * in its batch is sent as it was: the key of the batch ensures that it is stored once.
 */
export function sendAgain(one: Decision): Decision {
  const again = { ...one, state: "waiting" as const, refusal: undefined }
  if (one.batch) return again
  const queued = { ...again, madeAt: Date.now() }
  if (queued.act !== "identify") return queued
  const body = (one.refusal?.other && queued.explicit) || queued.body
  return { ...queued, body, confirmed: true }
}

/**
 * Return the time for which the server checks whether the images changed meanwhile; nothing if the
 * user knows it.
 */
export const getSeen = ({ seen, confirmed }: IdentifyDecision): { seen?: string } =>
  seen && !confirmed ? { seen } : {}

const WAITING_PREFIX = "waiting:"

/**
 * Return the key of the queued decision that an identification represents; null if the server
 * stored it.
 */
export const getWaitingKey = (one: Identification): string | null =>
  one.id.startsWith(WAITING_PREFIX) ? one.id.slice(WAITING_PREFIX.length) : null

/** Build the identification that a decision will become. */
function buildIdentification(decision: IdentifyDecision): Identification {
  const { body } = decision
  return {
    id: `${WAITING_PREFIX}${decision.key}`,
    project_id: decision.project,
    image_id: decision.image,
    annotation_id: body.annotations[0] ?? null,
    analysis_id: decision.analysis,
    kind: body.kind,
    taxon_id: body.taxon ?? null,
    label: decision.label,
    comment: body.comment ?? null,
    count: body.count ?? null,
    sex: body.sex ?? null,
    life_stage: body.life_stage ?? null,
    behaviour: body.behaviour ?? null,
    taxa: [],
    by: decision.by,
    person_id: decision.user,
    created_at: new Date(decision.madeAt).toISOString(),
    withdrawn_at: null,
    withdrawn_by: null,
  }
}

/** Apply decisions to the identifications of an image; both are ordered newest first. */
export function applyDecisions(stored: Identification[], decisions: Decision[]): Identification[] {
  const said = decisions.filter(
    (one): one is IdentifyDecision => one.act === "identify" && one.state !== "refused",
  )
  const known = new Set(stored.map(({ id }) => id))
  const own = said
    .flatMap((one) =>
      one.state === "sent"
        ? one.made.filter(({ id }) => !known.has(id))
        : [buildIdentification(one)],
    )
    .reverse()
  const gone = new Map<string, number>()
  for (const one of decisions) {
    if (one.act !== "withdraw" || one.state === "refused") continue
    const made = said.find(({ key }) => key === one.of)
    for (const id of [
      ...one.ids,
      ...(made?.made ?? []).map(({ id }) => id),
      ...(one.of ? [`${WAITING_PREFIX}${one.of}`] : []),
    ])
      gone.set(id, one.madeAt)
  }
  return [...own, ...stored].map((one) => {
    const at = gone.get(one.id)
    return at === undefined || one.withdrawn_at
      ? one
      : { ...one, withdrawn_at: new Date(at).toISOString(), withdrawn_by: one.by }
  })
}
