/** The star of an image: it is queued like a decision, so that it works without a network. */
import type { Image } from "../api/types"
import { markTexts } from "../images/en"
import { showToast } from "../ui/Toasts"
import type { Decision } from "./decisions"
import { enqueue } from "./outbox"
import type { UnitData } from "./reviewQueries"
import { showQueueError } from "./useIdentify"

/** The stars that the browser is writing to its storage: the screen does not show them yet. */
const storing = new Map<string, { starred: boolean }>()

export async function flipStar(project: number, image: Image): Promise<void> {
  const { id, filename } = image
  const starred = !(storing.get(id)?.starred ?? image.starred)
  const mine = { starred }
  storing.set(id, mine)
  try {
    await enqueue({ act: "star", project, image: id, filename, target: filename, starred })
    showToast((starred ? markTexts.done.starred : markTexts.done.unstarred)(1))
  } catch (error) {
    showQueueError(error)
  } finally {
    if (storing.get(id) === mine) storing.delete(id)
  }
}

/** Apply the stars that were set or removed since the unit was fetched. */
export function applyStars(unit: UnitData, decisions: readonly Decision[]): UnitData {
  const stars = new Map<string, boolean>()
  for (const one of decisions)
    if (one.act === "star" && one.state !== "refused") stars.set(one.image, one.starred)
  if (!unit.images.some(({ id, starred }) => (stars.get(id) ?? starred) !== starred)) return unit
  const images = unit.images.map((one) => ({
    ...one,
    starred: stars.get(one.id) ?? one.starred,
  }))
  return { ...unit, images }
}
