/** The course of a review: the current unit, its decisions, undo and redo across units. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { type RefObject, useCallback, useEffect, useRef, useState } from "react"
import { isSessionOver } from "../api/problems"
import { callerQuery } from "../api/session"
import type { Image as StoredImage } from "../api/types"
import { formatTime } from "../ui/time"
import { hasCameraTime } from "./cameraTime"
import type { NewBoxDecision, NewDecision } from "./decisions"
import { enqueue, undo as undoQueued } from "./outbox"
import { subscribeToOutbox } from "./outboxEvents"
import type { DecisionBody } from "./proposal"
import { type UnitData, unitQuery } from "./reviewQueries"
import type { DecidedSpecies } from "./sessionResult"
import type { ReviewUnit } from "./units"
import { getQueueErrorText, showQueueError } from "./useIdentify"
import { formatDecision } from "./useOutbox"

/** A decision of this visit. */
export interface ReviewStep {
  index: number
  unit: ReviewUnit
  images: number
  /** The species that the decision names, with an image of each. */
  species: readonly DecidedSpecies[]
  /** When it was decided, in milliseconds. */
  at: number
  kind: DecisionBody["kind"] | "box"
  /** The decision as text, such as "Roe deer × 2". */
  text: string
  /** The box that was decided about; null for the whole unit. */
  box: string | null
  /** The image of the unit that was shown. */
  frame: number
  /** Where the review continued after it. */
  next: number
  decision: NewDecision
  /** The key in the queue; null if it was not stored. */
  key: Promise<string | null>
}

export interface StepInput {
  body: DecisionBody
  /** The same decision in its own words; see `IdentifyDecision`. */
  explicit?: DecisionBody
  text: string
  /** The species that the decision names. */
  species?: readonly { name: string; shown: string }[]
  frame: number
  /** The age of the data of the unit, in milliseconds. */
  dataAge: number
  box?: string | null
  /** Whether the review stays at the unit. */
  stays?: boolean
  /** Name shown for a taxon. */
  label?: string | null
}

const NO_SUBJECT = { annotations: [], images: [], sequences: [] }

/** The decisions of this visit in other sets and orders, the last one at the end of each list. */
export interface EarlierSteps {
  steps: readonly ReviewStep[]
  /** Those that were undone and can be decided again. */
  undone: readonly ReviewStep[]
}

/** Undo and redo include the decisions of other sets and orders of this visit. */
export function useReviewSession(project: number, earlier: RefObject<EarlierSteps>) {
  const { data: caller } = useQuery(callerQuery)
  const client = useQueryClient()
  const [index, setIndex] = useState(0)
  const [steps, setSteps] = useState<readonly ReviewStep[]>([])
  const [undone, setUndone] = useState<readonly ReviewStep[]>([])
  /** Why the browser does not store decisions: the review stops until it does. */
  const [obstacle, setObstacle] = useState<string | null>(null)
  // A key can follow before React has rendered the previous one.
  const now = useRef({ steps, undone, index })
  now.current = { steps, undone, index }
  const by = caller?.name || caller?.email || ""

  const queue = useCallback(
    (step: Omit<ReviewStep, "key">, isEarlier = false): ReviewStep => {
      const key = enqueue(step.decision).catch((error: unknown) => {
        if (isSessionOver(error)) showQueueError(error)
        else setObstacle(getQueueErrorText(error))
        const isOther = (one: ReviewStep) => one.decision !== step.decision
        setSteps((old) => old.filter(isOther))
        earlier.current = { ...earlier.current, steps: earlier.current.steps.filter(isOther) }
        // It was not stored: the review returns to the unit, unless that is in another set. Several
        // decisions can be refused: the first of them is where the review continues.
        if (!isEarlier) setIndex((old) => Math.min(old, step.index))
        return null
      })
      return { ...step, key }
    },
    [earlier],
  )

  const push = useCallback((step: ReviewStep) => {
    setSteps((old) => [...old, step])
    setIndex(step.next)
  }, [])

  /** After a new decision nothing can be redone. */
  const forgetUndone = useCallback(() => {
    setUndone([])
    earlier.current = { ...earlier.current, undone: [] }
  }, [earlier])

  const decide = useCallback(
    (at: number, unit: ReviewUnit, data: UnitData, input: StepInput) => {
      const { body, text, frame, dataAge, box = null, stays = false, label = null } = input
      const first = data.images[0] ?? unit.first
      const ofBox = data.observations.find((one) => box !== null && one.annotation_id === box)
      const images = listImages(body, data)
      const image = ofBox?.image_id ?? images[0] ?? first.id
      const shown = data.images.find(({ id }) => id === image) ?? first
      const decision: NewDecision = {
        act: "identify",
        project,
        image,
        images: images.length > 1 ? images : undefined,
        filename: shown.filename,
        place: hasCameraTime(first)
          ? `${first.deployment_name}, ${formatTime(first.captured_at, first.time_zone)}`
          : `${first.deployment_name}, ${first.filename}`,
        target: text,
        by,
        label: label ?? body.label ?? null,
        made: [],
        seen: data.seen,
        dataAge,
        analysis: null,
        body: { ...NO_SUBJECT, ...body, ...(unit.ofSet ? { independent: true } : {}) },
        explicit: input.explicit && { ...NO_SUBJECT, ...input.explicit },
      }
      const next = stays ? at : at + 1
      const step = {
        index: at,
        unit,
        images: data.images.length,
        species: (input.species ?? []).map((one) => ({
          ...one,
          image: findBestImage(data, one.name),
        })),
        at: Date.now(),
        kind: body.kind,
        text,
        box,
        frame,
        next,
        decision,
      }
      push(queue(step))
      forgetUndone()
    },
    [project, by, push, queue, forgetUndone],
  )

  /** Queue a box that was drawn, changed or deleted; the review stays at the unit. */
  const draw = useCallback(
    (at: number, unit: ReviewUnit, images: number, frame: number, decision: NewBoxDecision) => {
      const shown = {
        index: at,
        unit,
        images,
        species: [],
        at: Date.now(),
        kind: "box" as const,
        box: decision.id,
        frame,
      }
      const step = queue({ ...shown, text: formatDecision(decision), next: at, decision })
      push(step)
      forgetUndone()
      return step.key
    },
    [push, queue, forgetUndone],
  )

  const undo = useCallback((): ReviewStep | null => {
    const last = now.current.steps.at(-1)
    if (!last) return null
    setSteps((old) => old.slice(0, -1))
    setUndone((old) => [...old, last])
    setIndex(last.index)
    void last.key
      .then((key) => (key ? undoQueued(key) : null))
      .catch((error: unknown) => {
        // The server keeps the decision: it is shown again.
        showQueueError(error)
        setUndone((old) => old.filter((one) => one !== last))
        setSteps((old) => [...old, last])
      })
    return last
  }, [])

  /** Undo the last decision of an earlier set or order. The review stays at its unit. */
  const undoEarlier = useCallback((): ReviewStep | null => {
    const last = earlier.current.steps.at(-1)
    if (!last) return null
    const { steps: kept, undone: others } = earlier.current
    earlier.current = { steps: kept.slice(0, -1), undone: [...others, last] }
    void last.key
      .then((key) => (key ? undoQueued(key) : null))
      .catch((error: unknown) => {
        showQueueError(error)
        earlier.current = {
          steps: [...earlier.current.steps, last],
          undone: earlier.current.undone.filter((one) => one !== last),
        }
      })
    return last
  }, [earlier])

  const redo = useCallback((): ReviewStep | null => {
    const last = now.current.undone.at(-1)
    if (!last) return null
    setUndone((old) => old.slice(0, -1))
    const { key: _, ...step } = last
    push(queue({ ...step, decision: { ...step.decision } }))
    return last
  }, [push, queue])

  /**
   * Decide again what was undone in an earlier set or order. The review stays at its unit. This was
   * undone after the decisions of the current set, and is decided again before them.
   */
  const redoEarlier = useCallback((): ReviewStep | null => {
    const { steps: kept, undone: others } = earlier.current
    const last = others.at(-1)
    if (!last) return null
    const { key: _, ...step } = last
    const again = queue({ ...step, decision: { ...step.decision } }, true)
    earlier.current = { steps: [...kept, again], undone: others.slice(0, -1) }
    void again.key.then((key) => {
      if (key === null)
        earlier.current = { ...earlier.current, undone: [...earlier.current.undone, last] }
    })
    return last
  }, [earlier, queue])

  // A decision that was discarded, here or in the list of the outbox, is not a step any more.
  useEffect(
    () =>
      subscribeToOutbox({
        onDropped: (key) => {
          for (const step of [...earlier.current.steps, ...now.current.steps])
            void step.key.then((one) => {
              if (one !== key) return
              const isOther = (each: ReviewStep) => each !== step
              setSteps((old) => old.filter(isOther))
              earlier.current = { ...earlier.current, steps: earlier.current.steps.filter(isOther) }
              // The unit shows what another user decided meanwhile.
              const { queryKey } = unitQuery(project, step.unit)
              void client.invalidateQueries({ queryKey })
            })
        },
      }),
    [client, project, earlier],
  )

  const keepSteps = useCallback(() => {
    const { steps: kept, undone: others } = earlier.current
    earlier.current = {
      steps: [...kept, ...now.current.steps],
      undone: [...now.current.undone, ...others],
    }
  }, [earlier])
  useEffect(() => keepSteps, [keepSteps])

  const resume = useCallback(() => setObstacle(null), [])

  /** Begin with the first unit of a set that was fetched again. */
  const restart = useCallback(() => {
    keepSteps()
    setSteps([])
    setUndone([])
    setIndex(0)
  }, [keepSteps])

  return {
    index,
    go: setIndex,
    steps,
    obstacle,
    resume,
    decide,
    draw,
    undo,
    undoEarlier,
    redo,
    redoEarlier,
    restart,
  }
}

export type ReviewSession = ReturnType<typeof useReviewSession>

/** List the images that a decision is about. */
function listImages(body: DecisionBody, data: UnitData): string[] {
  if (body.sequences?.length) return data.images.map(({ id }) => id)
  const boxes = new Set<string | null>(body.annotations)
  const ofBoxes = data.observations.filter((one) => boxes.has(one.annotation_id))
  return [...new Set([...(body.images ?? []), ...ofBoxes.map((one) => one.image_id)])]
}

/** Find the image that shows a species best: a starred one, or the one with the surest box. */
function findBestImage(data: UnitData, name: string): StoredImage {
  const score = ({ id, starred }: StoredImage) =>
    (starred ? 2 : 0) +
    Math.max(
      0,
      ...data.observations
        .filter((one) => one.image_id === id && one.annotation_id !== null)
        .map((one) => (one.confidence ?? 0.5) * (one.name === name ? 1 : 0.5)),
    )
  return data.images.reduce((best, one) => (score(one) > score(best) ? one : best))
}
