/** Where models and people disagree: a confusion matrix whose cells open the review. */
import { keepPreviousData, useQuery } from "@tanstack/react-query"
import { CheckCheck } from "lucide-react"
import { useEffect, useMemo } from "react"
import { Link } from "wouter"
import { FilterBar } from "../catalogue/FilterBar"
import { ErrorMessage } from "../errors/ErrorMessage"
import { type ImageFilter, NO_FILTER, parseFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canReview, useProject } from "../projects/projectContext"
import { LinkButton } from "../ui/Button"
import { formatCount } from "../ui/en"
import { Check } from "../ui/Field"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import { disagreementTexts as t } from "./en"
import { buildMatrix } from "./matrix"
import { matrixQuery, pairsQuery } from "./queries"
import "./disagreement.css"

/** The parameters of the URL that are not filters of images here. */
const NOT_FILTERS = {
  source_a: "",
  source_b: "",
  answer_a: "",
  answer_b: "",
  comparison: "",
  deleted: "",
  order: "",
} satisfies Partial<ImageFilter>
/** Further answers are rare; a wider table is hard to read. */
const MAX_ANSWERS = 24

export function DisagreementPage() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const { data, error, refetch } = useQuery(pairsQuery(project.id))
  const filter = useMemo(() => ({ ...parseFilter(search), ...NOT_FILTERS }), [search])
  const change = (changes: Partial<ImageFilter>) =>
    setSearch(
      (next) => {
        for (const [key, value] of Object.entries(changes))
          if (key in NOT_FILTERS) continue
          else if (value) next.set(key, value)
          else next.delete(key)
      },
      { replace: true },
    )
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const pairs = data?.pairs ?? []
  const wanted = [search.get("source_a") ?? "", search.get("source_b") ?? ""] as const
  const chosen =
    pairs.find((pair) => pair.source_a === wanted[0] && pair.source_b === wanted[1]) ?? pairs[0]
  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
      </div>
      <p className="soft">{t.intro}</p>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && !chosen && <EmptyState title={t.noneTitle} text={t.none} />}
      {chosen && (
        <>
          <div className="disagreement-head">
            <label className="field">
              {t.pair}
              <select
                className="input"
                value={pairs.indexOf(chosen)}
                onChange={(event) => {
                  const next = pairs[Number(event.target.value)]
                  setSearch((now) => {
                    now.set("source_a", next?.source_a ?? "")
                    now.set("source_b", next?.source_b ?? "")
                  })
                }}
              >
                {Object.entries(t.kinds).map(([kind, text]) => (
                  <optgroup key={kind} label={text}>
                    {pairs.map((pair, at) =>
                      pair.kind === kind ? (
                        <option key={`${pair.source_a} ${pair.source_b}`} value={at}>
                          {t.pairName(pair.name_a, pair.name_b, formatCount(pair.open))}
                        </option>
                      ) : null,
                    )}
                  </optgroup>
                ))}
              </select>
            </label>
            <Check
              label={t.open}
              title={t.openHint}
              checked={search.get("show") === "open"}
              onChange={(event) =>
                setSearch((now) =>
                  event.target.checked ? now.set("show", "open") : now.delete("show"),
                )
              }
            />
          </div>
          <FilterBar choosing filter={filter} onChange={change} onClear={() => change(NO_FILTER)} />
          <MatrixTable
            filter={filter}
            sourceA={chosen.source_a}
            sourceB={chosen.source_b}
            onlyOpen={search.get("show") === "open"}
          />
        </>
      )}
    </>
  )
}

interface MatrixTableProps {
  filter: ImageFilter
  sourceA: string
  sourceB: string
  onlyOpen: boolean
}

const formatAnswer = (answer: string) => (answer === "blank" ? t.blank : answer)

function MatrixTable({ filter, sourceA, sourceB, onlyOpen }: MatrixTableProps) {
  const project = useProject()
  const { data, error, refetch } = useQuery({
    ...matrixQuery(project.id, sourceA, sourceB, filter),
    placeholderData: keepPreviousData,
  })
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={6} />
  const count = (cell: { images: number; open: number }) => (onlyOpen ? cell.open : cell.images)
  const matrix = buildMatrix(data.cells, count, MAX_ANSWERS)
  const leftOut = matrix.leftOut + (onlyOpen ? 0 : data.images_left_out)
  // A viewer cannot decide, but can look at the images.
  const screen = canReview(project) ? paths.review(project.id) : paths.images(project.id)
  const pair = { ...filter, source_a: data.source_a, source_b: data.source_b }
  const comparison = onlyOpen ? "open" : null
  return (
    <>
      <div className="disagreement-head">
        <p data-testid="sums">{t.sums(data.images, data.differ, data.open)}</p>
        {data.open > 0 && canReview(project) && (
          <LinkButton
            kind="accent"
            icon={<CheckCheck size={16} aria-hidden />}
            href={withSearch(screen, { ...pair, comparison: "open" })}
          >
            {t.reviewOpen(formatCount(data.open))}
          </LinkButton>
        )}
      </div>
      {matrix.rows.length === 0 ? (
        <EmptyState
          title={data.images === 0 ? t.noMatchTitle : t.noOpenTitle}
          text={data.images === 0 ? t.noMatch : t.noOpen}
        />
      ) : (
        <>
          <div className="matrix-scroll" tabIndex={0} role="region" aria-label={t.title}>
            <table className="matrix">
              <caption>{t.caption(data.name_a, data.name_b)}</caption>
              <thead>
                <tr>
                  <td />
                  {matrix.columns.map((column) => (
                    <th key={column} scope="col">
                      {formatAnswer(column)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {matrix.rows.map((row) => (
                  <tr key={row}>
                    <th scope="row">{formatAnswer(row)}</th>
                    {matrix.columns.map((column) => {
                      const cell = matrix.find(row, column)
                      if (!cell) return <td key={column} className="matrix-none" />
                      const share = Math.sqrt(count(cell) / matrix.most)
                      const shade = { "--shade": `${Math.round(6 + 42 * share)}%` }
                      return (
                        <td key={column}>
                          <Link
                            className={cell.agree ? "matrix-cell" : "matrix-cell matrix-differ"}
                            style={shade as React.CSSProperties}
                            title={cell.agree ? t.agree : t.differ}
                            href={withSearch(screen, {
                              ...pair,
                              answer_a: row,
                              answer_b: column,
                              comparison,
                            })}
                            aria-label={t.cell(
                              data.name_a,
                              formatAnswer(row),
                              data.name_b,
                              formatAnswer(column),
                              count(cell),
                            )}
                          >
                            {formatCount(count(cell))}
                          </Link>
                        </td>
                      )
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p className="matrix-legend">
            <span className="matrix-key">{t.agree}</span>
            <span className="matrix-key matrix-differ">{t.differ}</span>
          </p>
        </>
      )}
      {leftOut > 0 && <p className="soft small">{t.leftOut(leftOut)}</p>}
    </>
  )
}
