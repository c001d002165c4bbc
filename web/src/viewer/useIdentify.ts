/** Says what findings and images really are, and takes it back: what models said stays as it is. */
import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useEffect, useRef, useState } from "react"
import { answer, api } from "../api/client"
import type { ImageDetail, NewIdentification } from "../api/types"
import { toast, toastProblem } from "../ui/Toasts"
import { reviewWords as w } from "../words/en.review"

/** What is said, without what it is said of. */
export type Saying = Pick<NewIdentification, "kind"> & Partial<Omit<NewIdentification, "kind" | "annotations" | "images">>

/** What it is said of: a finding, or without its id the whole image. */
export interface Target {
  id: string | null
  name: string
}

export function useIdentify(image: ImageDetail) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  // What was said here and not taken back, the last at the end.
  const said = useRef<string[]>([])
  useEffect(() => { said.current = [] }, [image.id])

  const perform = useCallback(async (doing: () => Promise<void>) => {
    setBusy(true)
    try {
      await doing()
      return true
    } catch (error) {
      toastProblem(error)
      return false
    } finally {
      setBusy(false)
      void client.invalidateQueries({ queryKey: ["identification", image.project_id] })
      void client.invalidateQueries({ queryKey: ["image", image.project_id] })
    }
  }, [client, image.project_id])

  const withdraw = useCallback((ids: string[]) => perform(async () => {
    await answer(api.POST("/api/v2/identifications/withdraw", { body: { identifications: ids } }))
    said.current = said.current.filter((id) => !ids.includes(id))
    toast(w.withdrawn)
  }), [perform])

  const undo = useCallback(() => {
    const last = said.current.at(-1)
    if (last) void withdraw([last])
    else toast(w.nothingToUndo)
  }, [withdraw])

  const say = useCallback((saying: Saying, target: Target) => perform(async () => {
    const about = target.id ? { annotations: [target.id], images: [] } : { annotations: [], images: [image.id] }
    const made = await answer(api.POST("/api/v2/identifications", { body: { identifications: [{ ...saying, ...about }] } }))
    const ids = made.identifications.map((one) => one.id)
    said.current.push(...ids)
    const name = made.identifications[0]?.label ?? target.name
    toast(w.said[saying.kind](name), false, { label: w.undo, go: () => void withdraw(ids) })
  }), [perform, withdraw, image.id])

  return { say, withdraw, undo, busy }
}

export type Identify = ReturnType<typeof useIdentify>
