/** Splits and merges of sequences by hand, each with a message that offers to undo it. */
import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { api, unwrap } from "../api/client"
import type { Image } from "../api/types"
import { showProblem } from "../errors/showProblem"
import { showToast } from "../ui/Toasts"
import { sequenceChangeTexts as t } from "./en"

type Queue = InfiniteData<{ results: Image[] }>
/** Returns the sequence that an image of the queue is in now. */
type FindSequence = (image: Image) => string | null | undefined

const isBefore = (one: Image, other: Image): boolean => {
  const apart = Date.parse(one.captured_at) - Date.parse(other.captured_at)
  return apart < 0 || (apart === 0 && one.id < other.id)
}

/** Move images of the queue to other sequences; the queue keeps its order and its decided units. */
function moveQueue(client: QueryClient, project: number, find: FindSequence): void {
  client.setQueriesData<Queue>({ queryKey: ["review", project, "queue"] }, (queue) =>
    queue
      ? {
          ...queue,
          pages: queue.pages.map((page) => ({
            ...page,
            results: page.results.map((image) => ({ ...image, sequence_id: find(image) ?? null })),
          })),
        }
      : queue,
  )
}

async function findPrevious(image: Image): Promise<string | null> {
  const sequence = await unwrap(
    api.GET("/api/v2/sequences/{sequence_id}", {
      params: { path: { sequence_id: image.sequence_id ?? "" } },
    }),
  )
  const earlier = await unwrap(
    api.GET("/api/v2/sequences", {
      params: {
        query: {
          project: sequence.project_id,
          deployment: sequence.deployment_id,
          started_before: sequence.started_at,
          limit: 1,
        },
      },
    }),
  )
  return earlier.results[0]?.id ?? null
}

export function useSequenceChanges(project: number) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const refresh = async (sequences: readonly string[], find: FindSequence) => {
    await client.invalidateQueries({
      queryKey: ["review", project, "unit"],
      predicate: ({ queryKey }) => sequences.includes(String(queryKey[3])),
    })
    moveQueue(client, project, find)
    await client.invalidateQueries({ queryKey: ["image", project] })
    void client.invalidateQueries({ queryKey: ["sequence", project] })
  }
  const perform = async (change: () => Promise<void>) => {
    setBusy(true)
    try {
      await change()
    } catch (error) {
      showProblem(error)
    } finally {
      setBusy(false)
    }
  }
  const undo = (id: number, sequences: readonly string[], find: FindSequence) =>
    perform(async () => {
      await unwrap(
        api.POST("/api/v2/sequence-changes/{change_id}/undo", {
          params: { path: { change_id: id } },
        }),
      )
      await refresh(sequences, find)
      showToast(t.undone)
    })
  /** Split the sequence of an image before it. */
  const split = (image: Image) =>
    perform(async () => {
      const body = { image_id: image.id, sequence_id: image.sequence_id }
      const change = await unwrap(api.POST("/api/v2/sequences/split", { body }))
      const [first = "", second = ""] = change.sequences
      await refresh(change.sequences, (one) =>
        one.sequence_id === first && !isBefore(one, image) ? second : one.sequence_id,
      )
      const back: FindSequence = (one) => (one.sequence_id === second ? first : one.sequence_id)
      const go = () => void undo(change.id, change.sequences, back)
      showToast(t.splitDone, false, { label: t.undo, go })
    })
  /** Merge the sequence of an image with the one before it. */
  const merge = (image: Image) =>
    perform(async () => {
      const previous = await findPrevious(image)
      if (!previous || !image.sequence_id) {
        showToast(t.noPrevious, true)
        return
      }
      const both = [previous, image.sequence_id]
      const moved = new Set<string>()
      const change = await unwrap(
        api.POST("/api/v2/sequences/merge", { body: { sequences: both } }),
      )
      await refresh(both, (one) => {
        if (one.sequence_id !== both[1]) return one.sequence_id
        moved.add(one.id)
        return previous
      })
      const back: FindSequence = (one) => (moved.has(one.id) ? both[1] : one.sequence_id)
      const go = () => void undo(change.id, both, back)
      showToast(t.mergeDone, false, { label: t.undo, go })
    })
  return { busy, split, merge }
}
