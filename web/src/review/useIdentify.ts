/** Queues what people decide about findings and images, and its withdrawal: what models said stays as it is. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useCallback, useMemo } from "react"
import { isSessionOver } from "../api/problems"
import { askCaller } from "../api/queries"
import { askIdentifications } from "./queries"
import type { Identification, ImageDetail, NewIdentification } from "../api/types"
import { withDecisions } from "./decisions"
import { outbox, queue, takeBack } from "./outbox"
import { QueueFull } from "./store"
import { describe, useDecisions } from "./useOutbox"
import { toast, toastProblem } from "../ui/Toasts"
import { outboxWords } from "./en.outbox"
import { reviewWords as w } from "./en"
import type { Finding } from "../findings/findings"
import { heldOf, withOwn } from "./held"

/** The decision without its target; `name` is shown for a taxon. */
export type Saying = Pick<NewIdentification, "kind"> & Partial<Omit<NewIdentification, "kind" | "annotations" | "images">> & { name?: string }

/** The finding that a decision is about; without an id the whole image. */
export interface Target {
  id: string | null
  name: string
}

/** Decisions since the page was opened that were not undone, the last at the end; across images. */
const undoable: string[] = []
/** Ends when the last decision is queued: an undo that follows at once waits for it. */
let queued: Promise<unknown> = Promise.resolve()

function refuse(error: unknown): void {
  if (error instanceof QueueFull) toast(outboxWords.full, true)
  else if (isSessionOver(error)) toastProblem(error)
  else toast(outboxWords.noStorage, true)
}

async function takeBackOne(key: string): Promise<void> {
  const place = undoable.lastIndexOf(key)
  if (place >= 0) undoable.splice(place, 1)
  try {
    const one = await takeBack(key)
    if (one) toast(outboxWords.tookBack(describe(one), one.filename))
  } catch (error) {
    refuse(error)
  }
}

/** Takes back the last decision that was not undone. */
export function undoLast(): void {
  void queued.then(() => {
    const last = undoable.at(-1)
    if (last) void takeBackOne(last)
    else toast(w.nothingToUndo)
  })
}

export function useIdentify(image: ImageDetail) {
  const { data: caller } = useQuery(askCaller)
  const client = useQueryClient()
  const { project_id: project, id, filename } = image
  const by = caller?.name || caller?.email || ""
  const analysis = image.analyses.find(({ status, simulated }) => status === "completed" && !simulated)?.id ?? null

  const withdraw = useCallback(async (ids: string[], target: string) => {
    try {
      await queue({ act: "withdraw", project, image: id, filename, target, ids, of: null })
      toast(w.withdrawn)
    } catch (error) {
      refuse(error)
    }
  }, [project, id, filename])

  const say = useCallback(async ({ name, ...saying }: Saying, target: Target) => {
    const about = target.id ? { annotations: [target.id], images: [] } : { annotations: [], images: [id] }
    const label = name ?? saying.label ?? null
    const shown = client.getQueryData(askIdentifications(project, id).queryKey)
    const seen = shown && (shown.results[0]?.created_at ?? "")
    try {
      const stored = queue({
        act: "identify", project, image: id, filename, target: target.name, by, label, made: [], seen,
        body: { ...saying, ...about }, analysis: saying.kind === "confirm" && !target.id ? analysis : null,
      }).then((made) => {
        undoable.push(made)
        return made
      })
      queued = stored.catch(() => undefined)
      const key = await stored
      const said = w.said[saying.kind](label ?? target.name)
      toast(outbox().trouble ? outboxWords.later(said) : said, false, { label: w.undo, go: () => void takeBackOne(key) })
      return true
    } catch (error) {
      refuse(error)
      return false
    }
  }, [client, project, id, filename, by, analysis])

  return { say, withdraw, takeBack: takeBackOne, undo: undoLast }
}

export type Identify = ReturnType<typeof useIdentify>

/** Everything that was said of an image, the newest first, with the decisions that the server does not have yet. */
export function useSaid(image: ImageDetail, findings: Finding[]): { said: Identification[]; count: number; isCut: boolean; heldOf: (finding: Finding) => Identification | null } {
  const { data } = useQuery(askIdentifications(image.project_id, image.id))
  const decisions = useDecisions(image.id)
  return useMemo(() => {
    const said = withDecisions(data?.results ?? [], decisions)
    const all = withDecisions(withOwn(data?.results ?? [], findings), decisions)
    const count = said.length + (data ? data.count - data.results.length : 0)
    // Without decisions of this browser the server's word is current, and newer than the list may be.
    const held = (finding: Finding) => (decisions.length > 0 ? heldOf(finding, all) : finding.annotation.identification ?? null)
    return { said, count, isCut: Boolean(data?.next), heldOf: held }
  }, [data, decisions, findings])
}

export type SaidOfImage = ReturnType<typeof useSaid>
