/** Ranges of the grid, from the image that was selected last to another one. */
import { api, unwrap } from "../api/client"
import type { Image } from "../api/types"
import { buildImageParameters, type ImageFilter } from "../images/queries"

/** Larger ranges are not selected one by one. */
const MAX_RANGE = 1000

/** Format the conditions of a filter, which select the same images in any order. */
export const formatConditions = ({ order: _, ...conditions }: ImageFilter): string =>
  JSON.stringify(Object.entries(conditions).sort(([one], [other]) => (one < other ? -1 : 1)))

/** List the images of a range; null if one of them is not loaded. */
export function listLoadedRange(
  loaded: ReadonlyMap<number, { id: string }>,
  start: string,
  end: number,
): string[] | null {
  const from = [...loaded].find(([, { id }]) => id === start)?.[0]
  if (from === undefined) return null
  const ids: string[] = []
  for (let at = Math.min(from, end); at <= Math.max(from, end); at += 1) {
    const image = loaded.get(at)
    if (!image) return null
    ids.push(image.id)
  }
  return ids
}

/** Cut a list to the images from one to another, in any order; null if it lacks one of them. */
export function cutRange(ids: readonly string[], one: string, other: string): string[] | null {
  const [from, to] = [ids.indexOf(one), ids.indexOf(other)].sort((a, b) => a - b)
  return from === undefined || to === undefined || from < 0 ? null : ids.slice(from, to + 1)
}

/**
 * Fetch the images of a range of the list; null if it is too large, or if the filter does not
 * contain its first image any more.
 */
export async function fetchRange(
  project: number,
  filter: ImageFilter,
  one: Image,
  other: Image,
): Promise<string[] | null> {
  const times = [one, other].map(({ captured_at }) => Date.parse(captured_at))
  const query = {
    ...buildImageParameters(project, filter),
    captured_after: new Date(Math.min(...times)).toISOString(),
    // A time can have fractions of a millisecond.
    captured_before: new Date(Math.max(...times) + 1).toISOString(),
    limit: MAX_RANGE,
  }
  const page = await unwrap(api.GET("/api/v2/images", { params: { query } }))
  const ids = page.results.map(({ id }) => id)
  return cutRange(ids, one.id, other.id)
}
