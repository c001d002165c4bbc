/** How good a model is here: by class, by confidence, and by deployment. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { CheckCheck } from "lucide-react"
import { useCallback, useState } from "react"
import { useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import type { ClassQuality, ModelQuality } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { observationSettingsQuery, unwrapVersion } from "../observations/queries"
import { paths, withSearch } from "../paths"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { Chart, CsvLink, type Plot } from "../ui/charts/Chart"
import { formatCount, formatDecimal } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { qualityTexts as t } from "./en"
import type { InsightFilter } from "./insightFilter"
import { buildTableUrl } from "./insightFilter"
import { Choice, formatPercent, IntervalBar, Notes, Panel } from "./Panel"
import { qualityQuery, thresholdQuery } from "./queries"

/** An interval that is wider than 15 percentage points needs more reviews. */
const WIDE = 0.15
const FIRST_CLASSES = 6
const RECALLS = [0.8, 0.9, 0.95, 0.99]

interface QualityProps {
  filter: InsightFilter
  /** Whether only the most frequent classes are shown, without further charts. */
  short?: boolean
}

export function QualitySection({ filter, short }: QualityProps) {
  const project = useProject()
  const [source, setSource] = useState("")
  const query = useQuery(qualityQuery(project.id, source))
  const { data } = query
  const params = data?.source ? { source: data.source } : undefined
  return (
    <>
      <Panel
        id="quality"
        query={query}
        title={t.title}
        controls={
          data?.source && (
            <>
              <Choice
                label={t.model}
                value={data.source}
                options={data.versions.map((one) => [one.source, one.name])}
                onChange={setSource}
              />
              <CsvLink href={buildTableUrl(project.id, filter, "model-quality", params)} />
            </>
          )
        }
        foot={
          data?.source && (
            <>
              <p>{t.sample(data.audited, data.biased)}</p>
              <Notes notes={data.notes.filter((note) => note.code !== "biased_reviews")} />
            </>
          )
        }
      >
        {data && !data.source && <p className="insight-empty">{t.none}</p>}
        {data?.source && <ClassTable data={data} source={data.source} short={short} />}
        {data?.source && short && <NextReviews data={data} source={data.source} />}
        {data && <SampleButton data={data} />}
      </Panel>
      {data?.source && !short && (
        <>
          <Reliability data={data} filter={filter} />
          {canManage(project) && <Threshold data={data} source={data.source} />}
        </>
      )}
    </>
  )
}

/** The class whose precision is known least, with the reviews that it needs. */
function NextReviews({ data, source }: { data: ModelQuality; source: string }) {
  const project = useProject()
  const create = useCreateSample()
  const unsure = data.classes
    .filter((one) => one.more_reviews > 0)
    .toSorted((a, b) => b.images - a.images)[0]
  if (!unsure || !canManage(project)) return null
  return (
    <p>
      {t.needs(unsure.name, unsure.more_reviews)}{" "}
      <Button
        small
        busy={create.isPending}
        onClick={() =>
          create.mutate({ images: unsure.more_reviews, class_name: unsure.name, source })
        }
      >
        {t.reviewMore(unsure.more_reviews)}
      </Button>
    </p>
  )
}

/** The button that opens the random sample of all images, or draws one. */
function SampleButton({ data }: { data: ModelQuality }) {
  const project = useProject()
  const create = useCreateSample()
  const open = data.samples.find((one) => one.class_name === null && one.done < one.images)
  if (open && canReview(project))
    return (
      <LinkButton
        kind="accent"
        icon={<CheckCheck size={16} aria-hidden />}
        href={withSearch(paths.review(project.id), { set: open.set_id })}
      >
        {t.continueSample(open.done, open.images)}
      </LinkButton>
    )
  if (!canManage(project)) return null
  return (
    <Button
      kind="accent"
      icon={<CheckCheck size={16} aria-hidden />}
      busy={create.isPending}
      onClick={() => create.mutate({ images: 200 })}
    >
      {t.newSample}
    </Button>
  )
}

/** Draw a random sample and open it. */
function useCreateSample() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  return useMutation({
    mutationFn: (body: { images: number; class_name?: string; source?: string }) =>
      unwrap(
        api.POST("/api/v2/insights/audit-samples", {
          params: { query: { project: project.id } },
          body: { people: [], ...body },
        }),
      ),
    onSuccess: (set) => {
      void client.invalidateQueries({ queryKey: ["insight", project.id, "quality"] })
      go(withSearch(paths.review(project.id), { set: set.id }))
    },
  })
}

function ClassTable({
  data,
  source,
  short,
}: {
  data: ModelQuality
  source: string
  short?: boolean
}) {
  const classes = short ? data.classes.slice(0, FIRST_CLASSES) : data.classes
  return (
    <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.title}>
      <table className="table quality-table">
        <thead>
          <tr>
            <th>{t.species}</th>
            <th>{t.precision}</th>
            {!short && <th>{t.recall}</th>}
            {!short && <th className="number">{t.f1}</th>}
            <th className="number">{t.checked}</th>
            {!short && (
              <th>
                <span className="visually-hidden">{t.nextStep}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {classes.map((one) => (
            <ClassRow key={one.name} one={one} source={source} short={short} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ClassRow({ one, source, short }: { one: ClassQuality; source: string; short?: boolean }) {
  const project = useProject()
  const colour = useClassColour()
  const create = useCreateSample()
  const isAudited = one.precision.whole > 0
  return (
    <tr>
      <td>
        <span className="swatch" style={{ background: colour(one.name) }} />
        {one.name}
      </td>
      <td>
        <Proportion
          estimate={isAudited ? one.precision : one.biased_precision}
          biased={!isAudited}
        />
      </td>
      {!short && (
        <td>
          <Proportion
            estimate={one.recall.whole > 0 ? one.recall : one.biased_recall}
            biased={one.recall.whole === 0}
          />
        </td>
      )}
      {!short && <td className="number">{formatPercent(one.f1)}</td>}
      <td className="number">{formatCount(one.precision.whole)}</td>
      {!short && (
        <td className="number">
          {one.more_reviews > 0 && canManage(project) && (
            <Button
              small
              busy={create.isPending}
              title={t.reviewMoreHint(one.name)}
              onClick={() =>
                create.mutate({ images: one.more_reviews, class_name: one.name, source })
              }
            >
              {t.reviewMore(one.more_reviews)}
            </Button>
          )}
        </td>
      )}
    </tr>
  )
}

function Proportion({
  estimate,
  biased,
}: {
  estimate: ClassQuality["precision"]
  biased: boolean
}) {
  const { value, interval } = estimate
  if (value === null) return <span className="faint">{t.unknown}</span>
  const isWide = biased || !interval || interval.high - interval.low > WIDE
  return (
    <span className={isWide ? "species-rate amber" : "species-rate"}>
      <IntervalBar
        value={value}
        interval={interval}
        most={1}
        wide={isWide}
        format={formatPercent}
      />
      <span>
        {formatPercent(value)}
        {biased && <small> {t.biased}</small>}
      </span>
    </span>
  )
}

function Reliability({ data, filter }: { data: ModelQuality; filter: InsightFilter }) {
  const project = useProject()
  const isAudited = data.audited > 0
  const bins = isAudited ? data.reliability : data.biased_reliability
  const draw = useCallback(
    (plot: Plot) => {
      const points = (isAudited ? data.reliability : data.biased_reliability).flatMap((bin) =>
        bin.correct.value === null
          ? []
          : [
              {
                confidence: bin.mean_confidence ?? (bin.low + bin.high) / 2,
                correct: bin.correct.value,
                low: bin.correct.interval?.low ?? bin.correct.value,
                high: bin.correct.interval?.high ?? bin.correct.value,
              },
            ],
      )
      const stroke = "var(--accent)"
      return {
        marginLeft: 40,
        marginBottom: 38,
        x: { domain: [0, 1], label: t.confidence, percent: false, ticks: 5 },
        y: { domain: [0, 1], label: t.correct, grid: true, ticks: 5 },
        marks: [
          plot.link([0], {
            x1: 0,
            y1: 0,
            x2: 1,
            y2: 1,
            stroke: "var(--line-strong)",
            strokeDasharray: "3 3",
          }),
          plot.ruleX(points, { x: "confidence", y1: "low", y2: "high", stroke }),
          plot.line(points, { x: "confidence", y: "correct", stroke, strokeWidth: 2 }),
          plot.dot(points, { x: "confidence", y: "correct", fill: stroke }),
        ],
      }
    },
    [data, isAudited],
  )
  return (
    <Panel id="reliability" title={t.reliability}>
      <Chart
        label={t.reliabilityChart}
        name="reliability"
        height={260}
        draw={draw}
        csv={buildTableUrl(project.id, filter, "reliability", { source: data.source ?? "" })}
        table={{
          columns: [t.confidence, t.correct, t.images],
          rows: bins.map((bin) => [
            `${formatDecimal(bin.low, 2)}–${formatDecimal(bin.high, 2)}`,
            formatPercent(bin.correct.value),
            bin.correct.whole,
          ]),
        }}
      />
    </Panel>
  )
}

function Threshold({ data, source }: { data: ModelQuality; source: string }) {
  const project = useProject()
  const client = useQueryClient()
  const [name, setName] = useState(data.classes[0]?.name ?? "")
  const [recall, setRecall] = useState("0.95")
  const { data: suggestion } = useQuery({
    ...thresholdQuery(project.id, source, name, Number(recall)),
    enabled: name !== "",
  })
  const { data: settings } = useQuery(observationSettingsQuery(project.id))
  const apply = useMutation({
    mutationFn: (class_thresholds: Record<string, number>) =>
      unwrapVersion(
        api.PATCH("/api/v2/projects/{project_id}/observation-settings", {
          params: { path: { project_id: project.id } },
          headers: { "If-Match": settings?.version ?? "" },
          body: { class_thresholds },
        }),
      ),
    onSuccess: (stored) => {
      client.setQueryData(observationSettingsQuery(project.id).queryKey, stored)
      showToast(t.applied)
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["insight", project.id] }),
  })
  const thresholds = suggestion?.class_thresholds
  return (
    <Panel
      id="threshold"
      title={t.threshold}
      controls={
        <>
          <Choice
            label={t.species}
            value={name}
            options={data.classes.map((one) => [one.name, one.name])}
            onChange={setName}
          />
          <Choice
            label={t.recallWanted}
            value={recall}
            options={RECALLS.map((one) => [String(one), formatPercent(one)])}
            onChange={setRecall}
          />
        </>
      }
      foot={suggestion && <Notes notes={suggestion.notes} />}
    >
      {suggestion && (
        <p>
          {suggestion.threshold === null
            ? t.noSuggestion
            : t.suggestion(
                formatDecimal(suggestion.threshold, 2),
                formatPercent(suggestion.reached.value),
                formatPercent(suggestion.precision.value),
              )}{" "}
          <span className="soft">{t.current(formatDecimal(suggestion.current_threshold, 2))}</span>
        </p>
      )}
      {suggestion && suggestion.threshold !== null && thresholds && (
        <Button
          kind="accent"
          busy={apply.isPending}
          disabled={!settings}
          onClick={() => apply.mutate(thresholds)}
        >
          {t.apply(formatDecimal(suggestion.threshold, 2))}
        </Button>
      )}
    </Panel>
  )
}
