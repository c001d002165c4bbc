/**
 * Changes of several images. Each shows its result, with a button to undo it if that is one step.
 */
import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useMemo } from "react"
import { api, unwrap } from "../api/client"
import type { ImagesChange } from "../api/types"
import { showProblem } from "../errors/showProblem"
import { showToast } from "../ui/Toasts"
import { markTexts as t } from "./en"

/** Maximum number of images per request. */
const BATCH_SIZE = 1000

type ImageUpdates = Partial<Omit<ImagesChange, "images">>
const NO_RESULT = { add_tags: [], remove_tags: [], as_read: false }

async function updateInBatches(
  images: string[],
  send: (some: string[]) => Promise<{ changed: number }>,
): Promise<number> {
  let changed = 0
  for (let first = 0; first < images.length; first += BATCH_SIZE)
    changed += (await send(images.slice(first, first + BATCH_SIZE))).changed
  return changed
}

/**
 * Undo is offered only if all images were changed: undoing the change of an image that already had
 * the value would be wrong.
 */
export function useImageUpdates(project: number) {
  const client = useQueryClient()
  const perform = useCallback(
    async (
      images: string[],
      send: (some: string[]) => Promise<{ changed: number }>,
      said: (count: number) => string,
      undo?: () => void,
    ) => {
      try {
        const changed = await updateInBatches(images, send)
        showToast(
          said(changed),
          false,
          undo && changed === images.length ? { label: t.undo, go: undo } : undefined,
        )
        return true
      } catch (error) {
        showProblem(error)
        return false
      } finally {
        await client.invalidateQueries({ queryKey: ["image", project] })
        void client.invalidateQueries({ queryKey: ["deployment", project] })
      }
    },
    [client, project],
  )
  return useMemo(() => {
    const change = (
      images: string[],
      changes: ImageUpdates,
      said: (count: number) => string,
      undo?: ImageUpdates,
    ) =>
      perform(
        images,
        (some) =>
          unwrap(api.PATCH("/api/v2/images", { body: { ...NO_RESULT, ...changes, images: some } })),
        said,
        undo && (() => void change(images, undo, said)),
      )
    const restore = (images: string[]): Promise<boolean> =>
      perform(
        images,
        (some) => unwrap(api.POST("/api/v2/images/restore", { body: { images: some } })),
        t.done.restored,
      )
    const remove = (images: string[], reason: string) =>
      perform(
        images,
        (some) => unwrap(api.POST("/api/v2/images/delete", { body: { images: some, reason } })),
        t.done.removed,
        () => void restore(images),
      )
    return { change, remove, restore }
  }, [perform])
}

/** Parse tags separated by commas. */
export function parseTags(text: string): string[] {
  return [
    ...new Set(
      text
        .split(",")
        .map((tag) => tag.trim().replace(/\s+/g, " "))
        .filter(Boolean),
    ),
  ]
}
