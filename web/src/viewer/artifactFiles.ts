/**
 * Files of analyses in the object store, such as heatmaps and masks, fetched when they are shown.
 */
import { useQueries } from "@tanstack/react-query"
import { useMemo } from "react"
import { fileUrl } from "../api/fileUrls"
import { findingTexts } from "../findings/en"
import type { Finding } from "../findings/findings"
import { buildOutline } from "../findings/maskOutline"
import type { Shape } from "../findings/shapes"
import type { Size } from "../findings/size"

/** The pixels of a heatmap; those of a grey one are values to which a colour map applies. */
export interface HeatmapData {
  pixels: ImageData
  isGrey: boolean
}

export type LoadedArtifact =
  | { state: "coming" }
  | { state: "failed"; why: string }
  | { state: "there"; heat?: HeatmapData; shape?: Shape }

const MAX_PIXELS = { heatmap: 4_000_000, mask: 24_000_000 }

async function openArtifact(url: string, most: number): Promise<ImageData> {
  let answer: Response
  try {
    answer = await fetch(fileUrl(url), { credentials: "same-origin" })
  } catch {
    throw new Error(findingTexts.odd.unreachable)
  }
  if (!answer.ok)
    throw new Error(answer.status === 404 ? findingTexts.odd.noFile : findingTexts.odd.unreachable)
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(await answer.blob(), {
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    })
  } catch {
    throw new Error(findingTexts.odd.notPicture)
  }
  const shrink = Math.min(1, Math.sqrt(most / (bitmap.width * bitmap.height)))
  const canvas = document.createElement("canvas")
  canvas.width = Math.max(1, Math.round(bitmap.width * shrink))
  canvas.height = Math.max(1, Math.round(bitmap.height * shrink))
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  if (!pen) throw new Error(findingTexts.odd.tooLarge)
  pen.imageSmoothingEnabled = false
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  return pen.getImageData(0, 0, canvas.width, canvas.height)
}

function readHeatmap(pixels: ImageData): HeatmapData {
  const { data } = pixels
  let isGrey = true
  for (let at = 0; at < data.length && isGrey; at += 4)
    isGrey = data[at] === data[at + 1] && data[at] === data[at + 2]
  return { pixels, isGrey }
}

/** Convert a mask: pixels that are neither black nor transparent are inside. */
function readMask(pixels: ImageData, image: Size): Shape {
  const { width, height, data } = pixels
  const cells = new Uint8Array(width * height)
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let cell = 0; cell < cells.length; cell += 1) {
    const at = cell * 4
    if (!data[at + 3] || !(data[at] || data[at + 1] || data[at + 2])) continue
    cells[cell] = 1
    const [x, y] = [cell % width, Math.floor(cell / width)]
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  if (right < 0) return { kind: "none", why: findingTexts.odd.emptyMask }
  const [across, down] = [image.width / width, image.height / height]
  return {
    kind: "area",
    path: buildOutline({ x: 0, y: 0, width, height, cells }, across, down),
    bounds: {
      x: left * across,
      y: top * down,
      width: (right - left + 1) * across,
      height: (bottom - top + 1) * down,
    },
  }
}

/** Return the files of findings by the findings' IDs; each is fetched once. */
export function useArtifactFiles(
  findings: Finding[],
  image: Size | undefined,
): { files: ReadonlyMap<string, LoadedArtifact>; retry: () => void } {
  const wanted = findings.filter((finding) => finding.shape.kind === "file")
  const answers = useQueries({
    queries: wanted.map((finding) => ({
      queryKey: ["artifact", finding.id],
      queryFn: async (): Promise<LoadedArtifact> => {
        const isMask = finding.type === "mask"
        const pixels = await openArtifact(
          finding.annotation.download_url ?? "",
          MAX_PIXELS[isMask ? "mask" : "heatmap"],
        )
        return isMask
          ? { state: "there", shape: readMask(pixels, image ?? pixels) }
          : { state: "there", heat: readHeatmap(pixels) }
      },
      staleTime: Infinity,
      gcTime: 60_000,
      retry: false,
      structuralSharing: false,
    })),
  })
  // The list is new in each render, its results are not.
  const key = wanted
    .map((finding, at) => `${finding.id} ${answers[at]?.status} ${answers[at]?.dataUpdatedAt}`)
    .join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the array of queries is new in each render, its results are not
  const files = useMemo(
    () =>
      new Map(
        wanted.map((finding, at): [string, LoadedArtifact] => {
          const answer = answers[at]
          return [
            finding.id,
            answer?.data ??
              (answer?.error
                ? { state: "failed", why: answer.error.message }
                : { state: "coming" }),
          ]
        }),
      ),
    [key],
  )
  return {
    files,
    retry: () => {
      for (const answer of answers) if (answer.isError) void answer.refetch()
    },
  }
}

/** Return the shape of a finding, also if it comes from a file. */
export function getDrawnShape(finding: Finding, files: ReadonlyMap<string, LoadedArtifact>): Shape {
  const file = files.get(finding.id)
  return file?.state === "there" && file.shape ? file.shape : finding.shape
}

/** Return why a finding cannot be drawn; undefined if it can. */
export function getLoadError(
  finding: Finding,
  files: ReadonlyMap<string, LoadedArtifact>,
): string | null {
  const file = files.get(finding.id)
  if (file?.state === "failed") return file.why
  const shape = getDrawnShape(finding, files)
  return shape.kind === "none" ? shape.why : null
}
