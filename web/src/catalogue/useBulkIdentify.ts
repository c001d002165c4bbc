/** The same identification of many images, with progress, undone and repeated as one. */
import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useEffect, useRef, useState } from "react"
import { api, generateIdempotencyKey, unwrap } from "../api/client"
import type { BulkIdentification, NewBulkIdentification } from "../api/types"
import { showProblem } from "../errors/showProblem"
import { buildImageParameters, type ImageFilter } from "../images/queries"
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

interface Step extends BulkStatement {
  id: string
  selected: Selected
}

const isUnfinished = ({ state }: BulkIdentification) =>
  state === "running" || state === "withdrawing"

export function useBulkIdentify(project: number) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [running, setRunning] = useState<BulkIdentification | null>(null)
  /** Waits for the confirmation of the number of images. */
  const [prepared, setPrepared] = useState<{ bulk: BulkIdentification; step: Step } | null>(null)
  const [recent, setRecent] = useState<readonly TaxonChoice[]>([])
  const done = useRef<Step[]>([])
  const undone = useRef<Step[]>([])
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
        bulk = await unwrap(
          api.GET("/api/v2/bulk-identifications/{bulk_id}", {
            params: { path: { bulk_id: bulk.id } },
          }),
        )
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
    setBusy(true)
    try {
      await act()
      return true
    } catch (error) {
      setRunning(null)
      showProblem(error)
      return false
    } finally {
      setBusy(false)
    }
  }, [])

  const withdraw = useCallback(
    (step: Step) =>
      perform(async () => {
        const bulk = await follow(
          await unwrap(
            api.POST("/api/v2/bulk-identifications/{bulk_id}/withdraw", {
              params: { path: { bulk_id: step.id } },
            }),
          ),
        )
        if (bulk.state === "stopped") showToast(bulk.reason ?? t.stopped, true)
        else showToast(t.undone(bulk.withdrawn))
      }),
    [follow, perform],
  )
  const undo = useCallback(() => {
    const step = done.current.pop()
    if (!step) return
    undone.current.push(step)
    void withdraw(step)
  }, [withdraw])

  const start = useCallback(
    async (step: Step) => {
      const bulk = await follow(
        await unwrap(
          api.POST("/api/v2/bulk-identifications/{bulk_id}/start", {
            params: { path: { bulk_id: step.id } },
          }),
        ),
      )
      done.current.push(step)
      if (bulk.state === "stopped") {
        showToast(bulk.reason ?? t.stopped, true)
        return
      }
      const skipped = Object.entries(bulk.skipped).map(([reason, count]) =>
        t.skipped(count ?? 0, reason),
      )
      showToast([t.done(bulk.identified, step.text), ...skipped].join(" "), false, {
        label: t.undo,
        go: undo,
      })
    },
    [follow, undo],
  )
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
        const step = { ...statement, selected, id: bulk.id }
        undone.current = []
        if ("filter" in selected) setPrepared({ bulk, step })
        else {
          await start(step)
          isStarted = true
        }
      })
      return isStarted
    },
    [perform, project, start],
  )
  const redo = useCallback(() => {
    const step = undone.current.pop()
    if (!step) return
    const others = undone.current
    void decide(step.selected, step).then(() => {
      undone.current = others
    })
  }, [decide])
  const confirm = useCallback(async (): Promise<boolean> => {
    if (!prepared) return false
    setPrepared(null)
    return perform(() => start(prepared.step))
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

/** The conditions of a filter without its order, which a selection does not have. */
function listConditions(project: number, filter: ImageFilter) {
  const { order: _, ...conditions } = buildImageParameters(project, filter)
  return conditions
}
