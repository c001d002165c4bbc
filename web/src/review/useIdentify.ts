/**
 * Queues identifications by the user, and withdraws them. The models' annotations are not changed.
 */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useCallback, useMemo } from "react"
import { isSessionOver } from "../api/problems"
import type { Dated } from "../api/serverTime"
import { callerQuery } from "../api/session"
import type { Identification, ImageDetail, NewIdentification } from "../api/types"
import { showProblem } from "../errors/showProblem"
import type { Finding } from "../findings/findings"
import { showToast } from "../ui/Toasts"
import { applyDecisions, type Decision, getWaitingKey, type NewDecision } from "./decisions"
import { addOwnIdentifications, getEffectiveIdentification } from "./effectiveIdentification"
import { reviewTexts as t } from "./en"
import { enqueue, getOutbox, undo } from "./outbox"
import { outboxTexts } from "./outbox/en"
import { QueueFull } from "./outboxStore"
import { identificationsQuery } from "./queries"
import { setLastName } from "./useDrawnBoxes"
import { formatDecision, useDecisions } from "./useOutbox"

/** A decision without its target; `name` is shown for a taxon. */
export type IdentificationInput = Pick<NewIdentification, "kind"> &
  Partial<Omit<NewIdentification, "kind" | "annotations" | "images" | "sequences">> & {
    name?: string
  }

/** The finding that a decision is about; without an id the whole image. */
export interface IdentificationTarget {
  id: string | null
  name: string
}

/** Keys of decisions since the page was opened that can be undone, across images, newest last. */
const undoable: string[] = []
/** Decisions that were undone, the last one at the end. */
const undone: NewDecision[] = []
/** Resolves when the last decision is queued, so that an immediate undo waits for it. */
let queued: Promise<unknown> = Promise.resolve()

/** Return why the browser did not store a decision. */
export const getQueueErrorText = (error: unknown): string =>
  error instanceof QueueFull ? outboxTexts.full : outboxTexts.noStorage

/** Show why a decision was not queued. */
export function showQueueError(error: unknown): void {
  if (isSessionOver(error)) showProblem(error)
  else showToast(getQueueErrorText(error), true)
}

async function undoDecision(key: string): Promise<void> {
  const place = undoable.lastIndexOf(key)
  if (place >= 0) undoable.splice(place, 1)
  try {
    const one = await undo(key)
    if (one) undone.push(getContent(one))
    if (one) showToast(outboxTexts.tookBack(formatDecision(one), one.filename))
  } catch (error) {
    showQueueError(error)
  }
}

/** Undo the last decision that was not undone yet. */
export function undoLast(): void {
  void queued.then(() => {
    const last = undoable.at(-1)
    if (last) void undoDecision(last)
    else showToast(t.nothingToUndo)
  })
}

/** Return a decision as it can be queued again. */
function getContent(one: Decision): NewDecision {
  const {
    number: _,
    user: _user,
    key: _key,
    madeAt: _at,
    attempts: _tries,
    batch: _batch,
    state: _state,
    ...rest
  } = one
  const { sentAt: _sent, refusal: _refusal, ...content } = rest
  return content.act === "identify"
    ? { ...content, made: [] }
    : content.act === "box"
      ? { ...content, made: null }
      : content
}

function noteQueued(stored: Promise<string>): Promise<string> {
  const noted = stored.then((key) => {
    undoable.push(key)
    return key
  })
  queued = noted.catch(() => undefined)
  return noted
}

/** Queue a decision that the user can undo, and return its key. */
export function enqueueUndoable(decision: NewDecision): Promise<string> {
  undone.length = 0
  return noteQueued(enqueue(decision))
}

/** Queue the last decision that was undone again. */
export function redoLast(): void {
  void queued.then(async () => {
    const last = undone.pop()
    if (!last) return showToast(t.nothingToRedo)
    try {
      await noteQueued(enqueue(last))
      showToast(t.redone(formatDecision(last), last.filename))
    } catch (error) {
      showQueueError(error)
    }
  })
}

/** Without an image nothing is queued. */
export function useIdentify(image: (ImageDetail & Dated) | undefined) {
  const { data: caller } = useQuery(callerQuery)
  const client = useQueryClient()
  const { project_id: project = 0, id = "", filename = "", readAt } = image ?? {}
  const by = caller?.name || caller?.email || ""
  const analysis =
    image?.analyses.find(({ status, simulated }) => status === "completed" && !simulated)?.id ??
    null

  const withdraw = useCallback(
    async (ids: string[], target: string) => {
      try {
        await enqueue({ act: "withdraw", project, image: id, filename, target, ids, of: null })
        showToast(t.withdrawn)
      } catch (error) {
        showQueueError(error)
      }
    },
    [project, id, filename],
  )

  const say = useCallback(
    async ({ name, ...saying }: IdentificationInput, target: IdentificationTarget) => {
      if (!id) return false
      const about = target.id
        ? { annotations: [target.id], images: [], sequences: [] }
        : { annotations: [], images: [id], sequences: [] }
      const label = name ?? saying.label ?? null
      const shown = client.getQueryData(identificationsQuery(project, id).queryKey)
      const seen = findLatest(readAt, shown?.results[0]?.created_at)
      try {
        const key = await enqueueUndoable({
          act: "identify",
          project,
          image: id,
          filename,
          target: target.name,
          by,
          label,
          made: [],
          seen,
          body: { ...saying, ...about },
          analysis: saying.kind === "confirm" && !target.id ? analysis : null,
        })
        if (saying.kind === "correct" && label)
          setLastName(project, { taxon: saying.taxon ?? null, label })
        const said = t.said[saying.kind](label ?? target.name)
        showToast(getOutbox().trouble ? outboxTexts.later(said) : said, false, {
          label: t.undo,
          go: () => void undoDecision(key),
        })
        return true
      } catch (error) {
        showQueueError(error)
        return false
      }
    },
    [client, project, id, filename, readAt, by, analysis],
  )

  return { say, withdraw, takeBack: undoDecision, undo: undoLast, redo: redoLast }
}

/** Return the later of two times: the user was shown the image, and its identifications. */
function findLatest(one: string | undefined, other: string | undefined): string | undefined {
  if (!one || !other) return one ?? other
  return Date.parse(one) > Date.parse(other) ? one : other
}

export type Identify = ReturnType<typeof useIdentify>

/**
 * Return the identifications of an image, newest first, including decisions that the server does
 * not have yet.
 */
export function useIdentifications(
  image: ImageDetail,
  findings: Finding[],
): {
  said: Identification[]
  count: number
  isCut: boolean
  heldOf: (finding: Finding) => Identification | null
} {
  const { data } = useQuery(identificationsQuery(image.project_id, image.id))
  const decisions = useDecisions(image.id)
  return useMemo(() => {
    // A decision about a sequence also stores identifications of its other images.
    const isAbout = (one: Identification) =>
      one.image_id === image.id || getWaitingKey(one) !== null
    const said = applyDecisions(data?.results ?? [], decisions).filter(isAbout)
    const all = applyDecisions(
      addOwnIdentifications(data?.results ?? [], findings),
      decisions,
    ).filter(isAbout)
    const count = said.length + (data ? data.count - data.results.length : 0)
    // Without decisions in this browser, the server's identification is current; the list can be
    // older.
    const held = (finding: Finding) =>
      decisions.length > 0
        ? getEffectiveIdentification(finding, all)
        : (finding.annotation.identification ?? null)
    return { said, count, isCut: Boolean(data?.next), heldOf: held }
  }, [data, decisions, findings, image.id])
}

export type ImageIdentifications = ReturnType<typeof useIdentifications>
