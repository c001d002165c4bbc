/**
 * All annotations of the analyses that are shown. The image contains the first page of each; the
 * others are fetched.
 */
import { useQueries } from "@tanstack/react-query"
import { useMemo } from "react"
import type { Analysis, ImageDetail } from "../api/types"
import { remainingAnnotationsQuery } from "../images/queries"

export interface CompleteAnalyses {
  /** The analyses that are shown, each with the annotations loaded so far. */
  analyses: Analysis[]
  /** The number of annotations that are not loaded yet. */
  coming: number
  error: unknown
  retry: () => void
}

export function useAnnotations(
  project: number,
  image: ImageDetail | undefined,
  shown: ReadonlySet<string>,
): CompleteAnalyses {
  const chosen = useMemo(
    () => image?.analyses.filter(({ id }) => shown.has(id)) ?? [],
    [image, shown],
  )
  const long = chosen.filter((analysis) => analysis.next)
  const answers = useQueries({
    queries: long.map((analysis) => remainingAnnotationsQuery(project, analysis)),
  })
  const key = long
    .map((analysis, at) => `${analysis.id} ${answers[at]?.status} ${answers[at]?.dataUpdatedAt}`)
    .join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the array of queries is new in each render, its results are not
  const analyses = useMemo(
    () =>
      chosen.map((analysis) => {
        const rest = answers[long.indexOf(analysis)]?.data
        return rest ? { ...analysis, annotations: [...analysis.annotations, ...rest] } : analysis
      }),
    [chosen, key],
  )
  const waited = long.filter((_, at) => !answers[at]?.data)
  return {
    analyses,
    coming: waited.reduce(
      (sum, analysis) => sum + analysis.annotation_count - analysis.annotations.length,
      0,
    ),
    error: answers.find((answer) => answer.error)?.error ?? null,
    retry: () => {
      for (const answer of answers) if (answer.isError) void answer.refetch()
    },
  }
}
