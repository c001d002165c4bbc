/** How good a model is here: by class and deployment, from random audit samples and other reviews. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { CheckCheck } from "lucide-react"
import { useState } from "react"
import { useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import type { DeploymentQuality, ModelClassQuality, ModelQuality } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { paths, withSearch } from "../paths"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { CsvLink } from "../ui/charts/Chart"
import { formatCount } from "../ui/en"
import { useUrlQuery } from "../ui/urlQuery"
import { ComparisonPanel, ReliabilityPanel, ThresholdPanel } from "./ConfidencePanels"
import { qualityTexts as t } from "./en"
import { buildQualityUrl } from "./insightFilter"
import { Choice, formatPercent, IntervalBar, Notes, Panel } from "./Panel"
import { qualityQuery } from "./queries"

const SAMPLE = 200
const FIRST_CLASSES = 12
const BLANK = "blank"
type Estimate = ModelClassQuality["precision"]

export function QualitySection() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const [all, setAll] = useState(false)
  const query = useQuery(qualityQuery(project.id, search.get("model") ?? ""))
  const { data } = query
  const source = data?.source
  const classes = data?.classes ?? []
  const shown = all ? classes : classes.slice(0, FIRST_CLASSES)
  return (
    <>
      <Panel
        id="quality"
        query={query}
        title={t.title}
        controls={
          data &&
          source && (
            <>
              <Choice
                label={t.model}
                value={source}
                options={data.versions.map((one) => [one.source, one.name])}
                onChange={(value) =>
                  setSearch((next) => next.set("model", value), { replace: true })
                }
              />
              <CsvLink href={buildQualityUrl(project.id, source, "classes")} />
            </>
          )
        }
        foot={data && source && <Notes notes={data.notes} />}
      >
        {data && !source && <p className="insight-empty">{t.none}</p>}
        {data && source && <p className="soft">{t.sample(data.audited, data.biased)}</p>}
        {data && <SampleButton data={data} />}
        {data && source && <ClassTable classes={shown} data={data} source={source} />}
        {shown.length < classes.length && (
          <Button small onClick={() => setAll(true)}>
            {t.allClasses(classes.length)}
          </Button>
        )}
      </Panel>
      {data && source && (
        <>
          <div className="quality-sheet">
            <ReliabilityPanel source={source} />
            <div>
              <ThresholdPanel
                source={source}
                classes={classes.map((one) => one.name).filter((name) => name !== BLANK)}
              />
              <ComparisonPanel source={source} versions={data.versions} />
            </div>
          </div>
          <DeploymentPanel data={data} source={source} />
        </>
      )}
    </>
  )
}

/** The button that opens the random sample of all images, or draws one. */
function SampleButton({ data }: { data: ModelQuality }) {
  const project = useProject()
  const create = useCreateSample()
  const open = data.samples.filter((one) => one.done < one.images)
  return (
    <div className="quality-samples">
      {canReview(project) &&
        open.map((one) => (
          <LinkButton
            key={one.set_id}
            kind={one.class_name === null ? "accent" : undefined}
            icon={<CheckCheck size={16} aria-hidden />}
            href={withSearch(paths.review(project.id), { set: one.set_id })}
          >
            {t.continueSample(one.class_name ?? "", one.done, one.images)}
          </LinkButton>
        ))}
      {canManage(project) && !open.some((one) => one.class_name === null) && (
        <Button
          kind="accent"
          icon={<CheckCheck size={16} aria-hidden />}
          busy={create.isPending}
          onClick={() => create.mutate({ images: SAMPLE, name: t.sampleName })}
        >
          {t.newSample(SAMPLE)}
        </Button>
      )}
    </div>
  )
}

/** Draw a random sample and open it in the review. */
function useCreateSample() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  return useMutation({
    mutationFn: (body: { images: number; name: string; class_name?: string; source?: string }) =>
      unwrap(
        api.POST("/api/v2/insights/audit-samples", {
          params: { query: { project: project.id } },
          body: { people: [], ...body },
        }),
      ),
    onSuccess: (set) => {
      void client.invalidateQueries({ queryKey: ["insight", project.id, "quality"] })
      void client.invalidateQueries({ queryKey: ["review-set", project.id] })
      go(withSearch(paths.review(project.id), { set: set.id }))
    },
  })
}

interface ClassTableProps {
  classes: ModelClassQuality[]
  data: ModelQuality
  source: string
}

function ClassTable({ classes, data, source }: ClassTableProps) {
  return (
    <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.title}>
      <table className="table quality-table">
        <thead>
          <tr>
            <th>{t.species}</th>
            <th>{t.precision}</th>
            <th>{t.recall}</th>
            <th>{t.f1}</th>
            <th className="number">{t.checked}</th>
            <th>{t.nextStep}</th>
          </tr>
        </thead>
        <tbody>
          {classes.map((one) => (
            <ClassRow key={one.name} one={one} data={data} source={source} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ClassRow({
  one,
  data,
  source,
}: {
  one: ModelClassQuality
  data: ModelQuality
  source: string
}) {
  const project = useProject()
  const colour = useClassColour()
  const create = useCreateSample()
  const isOpen = data.samples.some(
    (each) => each.class_name === one.name && each.source === source && each.done < each.images,
  )
  return (
    <tr>
      <td>
        <span className="swatch" style={{ background: colour(one.name) }} />
        {one.name}
      </td>
      <EstimateCells one={one} />
      <td className="number">{formatCount(one.precision.whole)}</td>
      <td>
        {one.precision.whole + one.biased_precision.whole === 0 ? (
          <span className="faint">{t.unknown}</span>
        ) : one.more_reviews === 0 ? (
          <span className="soft">{t.known}</span>
        ) : canManage(project) && !isOpen ? (
          <Button
            small
            busy={create.isPending}
            title={t.reviewMoreHint(one.name)}
            onClick={() =>
              create.mutate({
                images: one.more_reviews,
                name: t.classSampleName(one.name),
                class_name: one.name,
                source,
              })
            }
          >
            {t.reviewMore(one.more_reviews)}
          </Button>
        ) : (
          <span className="soft">{t.needed(one.more_reviews)}</span>
        )}
      </td>
    </tr>
  )
}

/** Precision, recall and F1 of random samples; without them those of other reviews, marked. */
function EstimateCells({ one }: { one: ModelClassQuality | DeploymentQuality }) {
  const pairs: [string, Estimate, Estimate][] = [
    ["precision", one.precision, one.biased_precision],
    ["recall", one.recall, one.biased_recall],
    ["f1", one.f1, one.biased_f1],
  ]
  return pairs.map(([name, random, biased]) => (
    <td key={name}>
      <Proportion estimate={random.whole > 0 ? random : biased} biased={random.whole === 0} />
    </td>
  ))
}

function Proportion({ estimate, biased }: { estimate: Estimate; biased: boolean }) {
  const { value, interval } = estimate
  if (value === null) return <span className="faint">{t.unknown}</span>
  return (
    <span className={biased ? "species-rate quality-biased" : "species-rate"}>
      <IntervalBar value={value} interval={interval} most={1} format={formatPercent} />
      <span>
        {formatPercent(value)}
        {biased && <small> {t.biased}</small>}
      </span>
    </span>
  )
}

function DeploymentPanel({ data, source }: { data: ModelQuality; source: string }) {
  const project = useProject()
  return (
    <Panel
      id="quality-deployments"
      title={t.byDeployment}
      controls={<CsvLink href={buildQualityUrl(project.id, source, "deployments")} />}
    >
      <div className="insight-scroll" tabIndex={0} role="region" aria-label={t.byDeployment}>
        <table className="table quality-table">
          <thead>
            <tr>
              <th>{t.deployment}</th>
              <th>{t.precision}</th>
              <th>{t.recall}</th>
              <th>{t.f1}</th>
              <th className="number">{t.reviewed}</th>
            </tr>
          </thead>
          <tbody>
            {data.deployments.map((one) => (
              <tr key={one.deployment_id}>
                <td>{one.name}</td>
                <EstimateCells one={one} />
                <td className="number">{formatCount(one.images)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
