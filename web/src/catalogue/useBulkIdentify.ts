/** The same identification of many images, with progress, undone and repeated as one. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useCallback, useEffect, useRef, useState } from "react"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import { ApiProblem } from "../api/problems"
import { callerQuery } from "../api/session"
import type { BulkIdentification, NewBulkIdentification } from "../api/types"
import { showProblem } from "../errors/showProblem"
import { buildImageParameters, type ImageFilter } from "../images/queries"
import { reviewScreenTexts } from "../review/en"
import type { TaxonChoice } from "../review/proposal"
import { showToast } from "../ui/Toasts"
import { selectionTexts as t } from "./en"

const POLL_MS = 1000

/** The selected images, or all images of a filter. */
export type Selected = { images: string[] } | { filter: ImageFilter }

export interface BulkStatement {
  body: Pick<NewBulkIdentification, "kind" | "taxon" | "label">
  /** The identification as a text, such as the name of the species. */
  text: string
}

interface Step {
  id: string
  /** Undefined for one that was started before this page was opened: it is not repeated. */
  again?: BulkStatement & { selected: Selected }
}

const RETRIED_STATUSES = new Set([0, 408, 425, 429])
const canRetry = (error: unknown) =>
  error instanceof ApiProblem && (RETRIED_STATUSES.has(error.status) || error.status >= 500)
const MAX_LISTED = 20

/** Those since the page was opened, by project: they can be undone after a return to the grid. */
const histories = new Map<number, { done: { current: Step[] }; undone: { current: Step[] } }>()
function getHistory(project: number) {
  const known = histories.get(project) ?? { done: { current: [] }, undone: { current: [] } }
  histories.set(project, known)
  return known
}

const isUnfinished = ({ state }: BulkIdentification) =>
  state === "running" || state === "withdrawing"

export function useBulkIdentify(project: number) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [running, setRunning] = useState<BulkIdentification | null>(null)
  /** Waits for the confirmation of the number of images. */
  const [prepared, setPrepared] = useState<{
    bulk: BulkIdentification
    step: Step
    text: string
  } | null>(null)
  const [recent, setRecent] = useState<readonly TaxonChoice[]>([])
  const { done, undone } = getHistory(project)
  const isPerforming = useRef(false)
  const isOpen = useRef(true)
  useEffect(() => {
    isOpen.current = true
    return () => {
      isOpen.current = false
    }
  }, [])

  const follow = useCallback(
    async (first: BulkIdentification): Promise<BulkIdentification> => {
      let bulk = first
      while (isUnfinished(bulk) && isOpen.current) {
        setRunning(bulk)
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        const polled = unwrap(
          api.GET("/api/v2/bulk-identifications/{bulk_id}", {
            params: { path: { bulk_id: bulk.id } },
          }),
        )
        // The server continues it while it cannot be reached.
        bulk = await polled.catch((error: unknown) => {
          if (canRetry(error)) return bulk
          throw error
        })
      }
      setRunning(null)
      for (const kind of ["image", "identification", "observation"])
        void client.invalidateQueries({ queryKey: [kind, project] })
      return bulk
    },
    [client, project],
  )
  /** Run one after the other; an error is shown, and false is returned. */
  const perform = useCallback(async (act: () => Promise<void>): Promise<boolean> => {
    if (isPerforming.current) {
      showToast(t.busy, true)
      return false
    }
    isPerforming.current = true
    setBusy(true)
    try {
      await act()
      return true
    } catch (error) {
      setRunning(null)
      showProblem(error)
      return false
    } finally {
      isPerforming.current = false
      setBusy(false)
    }
  }, [])

  const withdraw = useCallback(
    (step: Step) =>
      perform(async () => {
        const first = await unwrap(
          api.POST("/api/v2/bulk-identifications/{bulk_id}/withdraw", {
            params: { path: { bulk_id: step.id } },
          }),
        )
        done.current = done.current.filter((one) => one !== step)
        undone.current.push(step)
        const bulk = await follow(first)
        if (isUnfinished(bulk)) return
        if (bulk.state === "stopped") showToast(bulk.reason ?? t.stopped, true)
        else showToast(t.undone(bulk.withdrawn))
      }),
    [done, undone, follow, perform],
  )
  const undo = useCallback(() => {
    const step = done.current.at(-1)
    if (step) void withdraw(step)
  }, [done, withdraw])
  const report = useCallback(
    (bulk: BulkIdentification, step: Step, text: string) => {
      // The grid was left: the next one follows it.
      if (isUnfinished(bulk)) return
      if (bulk.state === "stopped") {
        showToast(bulk.reason ?? t.stopped, true)
        return
      }
      const skipped = Object.entries(bulk.skipped).map(([reason, count]) =>
        t.skipped(count ?? 0, reason),
      )
      showToast([t.done(bulk.identified, text), ...skipped].join(" "), false, {
        label: t.undo,
        go: () => void (done.current.includes(step) && withdraw(step)),
      })
    },
    [done, withdraw],
  )
  const start = useCallback(
    async (step: Step, text: string) => {
      const first = await unwrap(
        api.POST("/api/v2/bulk-identifications/{bulk_id}/start", {
          params: { path: { bulk_id: step.id } },
        }),
      )
      done.current.push(step)
      report(await follow(first), step, text)
    },
    [done, follow, report],
  )
  // One that still runs from before the grid was left is shown.
  const user = useQuery(callerQuery).data?.user_id
  useEffect(() => {
    if (!user) return
    const resume = async () => {
      const query = { project, person: user, limit: MAX_LISTED }
      const page = await unwrap(api.GET("/api/v2/bulk-identifications", { params: { query } }))
      const open = page.results.find(isUnfinished)
      if (!open || isPerforming.current || !isOpen.current) return
      if (open.state === "running" && !done.current.some(({ id }) => id === open.id))
        done.current.push({ id: open.id })
      await perform(async () => {
        const bulk = await follow(open)
        const step = done.current.find(({ id }) => id === open.id)
        if (step) report(bulk, step, formatStatement(bulk))
      })
    }
    // The list only adds to the grid.
    void resume().catch(() => undefined)
  }, [done, project, user, follow, perform, report])
  /** Count first. The number of a filter is confirmed; that of chosen images is in the bar. */
  const decide = useCallback(
    async (selected: Selected, statement: BulkStatement): Promise<boolean> => {
      let isStarted = false
      await perform(async () => {
        const query = "filter" in selected ? listConditions(project, selected.filter) : { project }
        const body = "images" in selected ? { images: selected.images } : {}
        const bulk = await unwrap(
          api.POST("/api/v2/bulk-identifications", {
            params: { query },
            headers: { "Idempotency-Key": generateIdempotencyKey() },
            body: { ...statement.body, ...body, excluded: [] },
          }),
        )
        const again = { body: statement.body, text: statement.text, selected }
        const step = { id: bulk.id, again }
        undone.current = []
        if ("filter" in selected) setPrepared({ bulk, step, text: statement.text })
        else {
          await start(step, statement.text)
          isStarted = true
        }
      })
      return isStarted
    },
    [perform, project, start, undone],
  )
  const redo = useCallback(() => {
    if (isPerforming.current) return showToast(t.busy, true)
    const again = undone.current.pop()?.again
    if (!again) return
    const others = undone.current
    void decide(again.selected, again).then(() => {
      undone.current = others
    })
  }, [decide, undone])
  const confirm = useCallback(async (): Promise<boolean> => {
    if (!prepared) return false
    setPrepared(null)
    return perform(() => start(prepared.step, prepared.text))
  }, [perform, prepared, start])
  const remember = useCallback(
    (choice: TaxonChoice) =>
      setRecent((old) => [choice, ...old.filter(({ name }) => name !== choice.name)].slice(0, 5)),
    [],
  )
  return {
    busy,
    running,
    prepared,
    recent,
    decide,
    confirm,
    cancel: () => setPrepared(null),
    undo,
    redo,
    remember,
  }
}

export type BulkIdentify = ReturnType<typeof useBulkIdentify>

/** Format what a bulk identification says as text. */
const formatStatement = ({ kind, taxa }: BulkIdentification): string =>
  kind === "correct"
    ? taxa.map(({ label }) => label ?? "").join(" + ")
    : kind === "confirm"
      ? t.accepted
      : kind === "blank"
        ? reviewScreenTexts.blank
        : reviewScreenTexts.unsure

/** The conditions of a filter without its order, which a selection does not have. */
function listConditions(project: number, filter: ImageFilter) {
  const { order: _, ...conditions } = buildImageParameters(project, filter)
  return conditions
}
