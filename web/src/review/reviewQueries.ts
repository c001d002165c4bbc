/** Queries of the review screen: the queue of units, a unit with its observations, the palette. */
import { infiniteQueryOptions, type QueryClient, queryOptions } from "@tanstack/react-query"
import { api, unwrap } from "../api/client"
import { fileUrl } from "../api/fileUrls"
import { getServerTime } from "../api/serverTime"
import type { Observation, Palette, Image as StoredImage } from "../api/types"
import { parseOrder } from "../images/orders"
import { buildImageParameters, type ImageFilter, imageQuery } from "../images/queries"
import { chooseCommonName, getUserLanguages, taxonNamesQuery } from "../taxa/commonNames"
import type { TaxonChoice } from "./proposal"
import { createBatchLoader } from "./sequenceBatches"
import type { ReviewUnit } from "./units"

const PAGE_SIZE = 100
const MAX_ITEMS = 1000
export const PALETTE_SIZE = 9
/** Names that are not species: they are not offered for assignment. */
const NOT_ASSIGNED = new Set(["", "animal", "blank", "empty", "unknown", "unclassified"])

/** The filter of a set, with the number of a random order. */
export interface ReviewFilter extends ImageFilter {
  seed: string
}

const MAX_SEED = 2 ** 31 - 1

/** Return the order and the number of a random order as the API names them. */
export function buildOrder({ order, seed }: { order: string; seed: string }) {
  const known = parseOrder(order)
  const number = Number(seed)
  const isValid = Number.isInteger(number) && number >= 0 && number <= MAX_SEED
  return { order: known, seed: known === "random" && isValid ? number : undefined }
}

export const generateSeed = (): string => String(Math.floor(Math.random() * MAX_SEED))

/**
 * The images of a set in order. The list is not fetched again while it is reviewed: images that
 * were reviewed would leave it, and the reviewer would lose the place.
 */
export const queueQuery = (project: number, filter: ReviewFilter) =>
  infiniteQueryOptions({
    queryKey: ["review", project, "queue", filter],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v2/images", {
          params: {
            query: {
              ...buildImageParameters(project, filter),
              ...buildOrder(filter),
              limit: PAGE_SIZE,
              cursor: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Infinity,
    gcTime: 0,
  })

async function listObservations(
  project: number,
  of: { sequence: string[] } | { image: string },
): Promise<Pick<UnitData, "observations" | "seen">> {
  const start = performance.now()
  const observations: Observation[] = []
  let seen = ""
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
    const query = { project, ...of, limit: MAX_ITEMS, cursor }
    const call = api.GET("/api/v2/observations", { params: { query } })
    const page = await unwrap(
      call.then((got) => {
        seen ||= getServerTime(got.response, start)
        return got
      }),
    )
    observations.push(...page.results)
    cursor = page.next ?? undefined
  }
  return { observations, seen }
}

export interface UnitData {
  images: StoredImage[]
  observations: Observation[]
  /** The time of the server before the observations were read. */
  seen: string
}

interface SequenceKey {
  project: number
  sequence: string
}

/** Units whose data is requested together. */
export const UNIT_BATCH = 5

const loadSequence = createBatchLoader(async (keys: SequenceKey[]): Promise<UnitData[]> => {
  const projects = new Set(keys.map(({ project }) => project))
  const groups = projects.size > 1 ? keys.map((one) => [one]) : [keys]
  const loaded = groups.map((group) =>
    loadSequences(
      group[0]?.project ?? 0,
      group.map(({ sequence }) => sequence),
    ),
  )
  return (await Promise.all(loaded)).flat()
}, UNIT_BATCH)

async function loadSequences(project: number, sequences: string[]): Promise<UnitData[]> {
  const query = { project, sequence: sequences, order: "captured_at" as const, limit: MAX_ITEMS }
  const [page, { observations, seen }] = await Promise.all([
    unwrap(api.GET("/api/v2/images", { params: { query } })),
    listObservations(project, { sequence: sequences }),
  ])
  if (sequences.length === 1) return [{ images: page.results, observations, seen }]
  // Together they have more images than a page.
  if (page.next)
    return (await Promise.all(sequences.map((one) => loadSequences(project, [one])))).flat()
  return sequences.map((sequence) => {
    const images = page.results.filter((one) => one.sequence_id === sequence)
    const ids = new Set(images.map(({ id }) => id))
    return { images, observations: observations.filter((one) => ids.has(one.image_id)), seen }
  })
}

/**
 * The images of a unit in the order of time, and their observations before the user decided: an
 * undo returns to them, however long ago they were shown. They are fetched again for the next
 * review.
 */
export const unitQuery = (project: number, unit: ReviewUnit) =>
  queryOptions({
    queryKey: ["review", project, "unit", unit.key],
    queryFn: async (): Promise<UnitData> => {
      if (unit.ofSet) return unit.ofSet.shown
      if (!unit.sequence)
        return {
          images: [unit.first],
          ...(await listObservations(project, { image: unit.first.id })),
        }
      const found = await loadSequence({ project, sequence: unit.sequence })
      return found.images.length > 0 ? found : { ...found, images: [unit.first] }
    },
    staleTime: Infinity,
    // The review removes them when it is closed.
    gcTime: Infinity,
  })

const PREFETCHED_FRAMES = 3

/** Return the index of the image that a unit shows first: that with the most boxes. */
export function getFirstFrame({ images, observations }: UnitData): number {
  const boxes = images.map(
    ({ id }) => observations.filter((one) => one.image_id === id && one.annotation_id).length,
  )
  return Math.max(0, boxes.indexOf(Math.max(...boxes)))
}

/** Fetch a unit before it is shown: its data, and the image that is shown first with its boxes. */
export async function prefetchUnit(
  client: QueryClient,
  project: number,
  unit: ReviewUnit,
): Promise<void> {
  try {
    const data = await client.fetchQuery(unitQuery(project, unit))
    for (const { taxon_id } of data.observations)
      if (taxon_id) void client.prefetchQuery(taxonNamesQuery(taxon_id))
    const first = data.images[getFirstFrame(data)]
    if (first) prefetchFrame(client, project, first)
  } catch {
    // It is fetched again when it is shown, and an error is shown then.
  }
}

/** Fetch the other images of a unit that is shown. */
export function prefetchFrames(client: QueryClient, project: number, { images }: UnitData): void {
  for (const image of images.slice(0, PREFETCHED_FRAMES)) prefetchFrame(client, project, image)
}

function prefetchFrame(client: QueryClient, project: number, image: StoredImage): void {
  if (image.preview_url) {
    const preview = new Image()
    // Otherwise the browser requests all images of the strip first.
    preview.fetchPriority = "high"
    preview.src = fileUrl(image.preview_url)
  }
  void client.prefetchQuery(imageQuery(project, image.id))
}

export const listSpecies = (names: string[]): string[] =>
  names.filter((name) => !NOT_ASSIGNED.has(name.toLowerCase()))

/** The species of the keys 1 to 9, which stay while the page is open; null for a free key. */
export const paletteQuery = (project: number) =>
  queryOptions({
    queryKey: ["review", project, "palette"],
    queryFn: async () => {
      let version = ""
      const call = api.GET("/api/v2/projects/{project_id}/palette", {
        params: { path: { project_id: project } },
      })
      const palette = await unwrap(
        call.then((got) => {
          version = got.response.headers.get("ETag") ?? ""
          return got
        }),
      )
      return { palette, version }
    },
    staleTime: Infinity,
  })

export interface PaletteChoice extends TaxonChoice {
  isPinned: boolean
}

export function listPaletteKeys(palette: Palette | undefined): (PaletteChoice | null)[] {
  const species = new Map(palette?.keys.map((one) => [one.key, one]))
  const last = Math.max(0, ...species.keys())
  return Array.from({ length: last }, (_, at) => {
    const one = species.get(at + 1)
    if (!one) return null
    const common = chooseCommonName(one.common_names, getUserLanguages())
    return { name: one.name, taxon: one.taxon_id, common, isPinned: one.pinned }
  })
}

/** The known individuals of a project, those that were identified last first. */
export const individualsQuery = (project: number) =>
  queryOptions({
    queryKey: ["review", project, "individuals"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/observations/individuals", {
          params: { query: { project, order: "-identified_at", limit: MAX_ITEMS } },
        }),
      ),
    staleTime: 60_000,
  })

/** How many images the users of a project reviewed before this visit, since midnight. */
export const progressQuery = (project: number) =>
  queryOptions({
    queryKey: ["review", project, "progress"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/review-progress", {
          params: {
            path: { project_id: project },
            query: { decided_after: new Date(new Date().setHours(0, 0, 0, 0)).toISOString() },
          },
        }),
      ),
  })
