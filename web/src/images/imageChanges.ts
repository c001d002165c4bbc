/** What people do to images, several at once: each says what it did, and offers to undo it where that is one step. */
import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useMemo } from "react"
import { answer, api } from "../api/client"
import type { ImagesChange } from "../api/types"
import { toast, toastProblem } from "../ui/Toasts"
import { markWords as w } from "./en"

/** So many are sent at once; the server takes no more. */
const AT_ONCE = 1000

type Changes = Partial<Omit<ImagesChange, "images">>
const NOTHING = { add_tags: [], remove_tags: [], as_read: false }

async function inParts(images: string[], send: (some: string[]) => Promise<{ changed: number }>): Promise<number> {
  let changed = 0
  for (let first = 0; first < images.length; first += AT_ONCE) changed += (await send(images.slice(first, first + AT_ONCE))).changed
  return changed
}

/** Undoing is offered where all of the images were changed: what was so before would not come back as it was. */
export function useImageChanges(project: number) {
  const client = useQueryClient()
  const perform = useCallback(
    async (images: string[], send: (some: string[]) => Promise<{ changed: number }>, said: (count: number) => string, undo?: () => void) => {
      try {
        const changed = await inParts(images, send)
        toast(said(changed), false, undo && changed === images.length ? { label: w.undo, go: undo } : undefined)
        return true
      } catch (error) {
        toastProblem(error)
        return false
      } finally {
        await client.invalidateQueries({ queryKey: ["image", project] })
        void client.invalidateQueries({ queryKey: ["deployment", project] })
      }
    },
    [client, project],
  )
  return useMemo(() => {
    const change = (images: string[], changes: Changes, said: (count: number) => string, undo?: Changes) =>
      perform(images, (some) => answer(api.PATCH("/api/v2/images", { body: { ...NOTHING, ...changes, images: some } })), said,
        undo && (() => void change(images, undo, said)))
    const restore = (images: string[]): Promise<boolean> =>
      perform(images, (some) => answer(api.POST("/api/v2/images/restore", { body: { images: some } })), w.done.restored)
    const remove = (images: string[], reason: string) =>
      perform(images, (some) => answer(api.POST("/api/v2/images/delete", { body: { images: some, reason } })), w.done.removed, () => void restore(images))
    return { change, remove, restore }
  }, [perform])
}

/** Tags as somebody types them, parted by commas. */
export function readTags(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim().replace(/\s+/g, " ")).filter(Boolean))]
}
