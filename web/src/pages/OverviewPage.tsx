/** What came in, what was found, what needs me; an empty project shows its first three steps instead. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Check } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askClasses, askDeployments, askJobs, askPipelines, askProject, askRecentImages, askServices, askSources } from "../api/queries"
import type { Image } from "../api/types"
import { classColour } from "../components/classes"
import { DeploymentForm } from "../components/DeploymentForm"
import { mayManage, useProject } from "../components/project"
import { HealthTag, JobTag, OnlineTag, ProgressBar } from "../components/states"
import { Thumbnail } from "../components/Thumbnail"
import { UploadDialog } from "../components/UploadDialog"
import { paths, withSearch } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField } from "../ui/Field"
import { When, exact } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../words/en"

export function OverviewPage() {
  const project = useProject()
  const { data: images } = useQuery(askRecentImages(project.id, 12))
  const { data: jobs } = useInfiniteQuery(askJobs(project.id, undefined))
  const { data: deployments } = useQuery(askDeployments(project.id))
  const { data: sources } = useQuery(askSources(project.id))
  const { data: services } = useQuery(askServices(project.id))
  const w = words.overview
  useEffect(() => {
    document.title = `${project.name} · ${words.product}`
  }, [project.name])

  const allJobs = jobs?.pages[0]?.results ?? []
  const running = allJobs.filter((job) => ["queued", "processing"].includes(job.status))
  const online = services?.results.filter((service) => service.online).length ?? 0
  const failing = sources?.results.filter((source) => source.health === "failing") ?? []
  const polled = [...failing, ...(sources?.results.filter((source) => source.health !== "failing") ?? [])]
  // A project begins with a deployment that has no name of its own; a person has not said where a camera is by that.
  const hasDeployment = (deployments?.results ?? []).some((one) => one.latitude !== null) || (deployments?.results.length ?? 0) > 1
  const hasPipeline = Boolean(project.automatic_pipeline) || allJobs.length > 0
  const settled = !images || !deployments || !jobs || (hasDeployment && images.results.length > 0 && hasPipeline)

  return (
    <>
      <div className="page-head"><h1>{project.name}</h1></div>
      {!settled && mayManage(project) && (
        <FirstSteps hasDeployment={hasDeployment} hasImages={images.results.length > 0} hasPipeline={hasPipeline} />
      )}
      <div className="figures">
        <Link href={paths.images(project.id)}><b>{words.about(words.count(images?.count ?? project.images), images?.count_is_estimate ?? false)}</b> {w.figures.images(images?.count ?? project.images)}</Link>
        <Link href={paths.deployments(project.id)}><b>{words.count(deployments?.count ?? 0)}</b> {w.figures.deployments(deployments?.count ?? 0)}</Link>
        <Link href={paths.jobs(project.id)}><b>{words.count(running.length)}</b> {w.figures.jobs(running.length)}</Link>
        <Link href={paths.workers(project.id)}><b>{words.count(online)}</b> {w.figures.workers(online)}</Link>
        {failing.length > 0 && <Link href={failing.length === 1 && failing[0] ? paths.source(project.id, failing[0].id) : paths.sources(project.id)} className="amber">{w.failing(failing.length)}</Link>}
      </div>
      {images && images.results.length > 0 && <Strip images={images.results} />}
      <div className="overview">
        <section className="section">
          <div className="section-head"><h2>{w.running}</h2><Link href={paths.jobs(project.id)}>{w.seeAll}</Link></div>
          {running.length === 0 && <p className="soft">{w.nothingRuns}</p>}
          <ul className="lines">
            {running.slice(0, 4).map((job) => (
              <li key={job.id}>
                <div className="line-head">
                  <Link href={paths.job(project.id, job.id)}>{job.name || words.job.noName(job.pipeline_slug, job.id)}</Link><JobTag job={job} />
                </div>
                <ProgressBar progress={job.progress} />
                <p className="soft small">{job.why}</p>
              </li>
            ))}
          </ul>
        </section>
        <TopClasses />
        <section className="section">
          <div className="section-head"><h2>{w.sources}</h2><Link href={paths.sources(project.id)}>{w.seeAll}</Link></div>
          {sources?.results.length === 0 && <p className="soft">{w.noSources}</p>}
          <ul className="lines">
            {polled.slice(0, Math.max(5, Math.min(failing.length, 10))).map((source) => (
              <li key={source.id}>
                <div className="line-head"><Link href={paths.source(project.id, source.id)}>{source.name}</Link><HealthTag health={source.health} /></div>
                {source.health === "failing" && source.health_detail && <p className="small red sentence">{source.health_detail}</p>}
                <p className="soft small">
                  {words.source.lastRun}: <When at={source.last_run?.started_at} zone={source.time_zone} />
                  {source.counts.quarantined ? <>. <Link className="amber" href={withSearch(paths.source(project.id, source.id), { state: "quarantined" })}>{words.count(source.counts.quarantined)} {words.source.states["quarantined"]}</Link></> : null}
                </p>
              </li>
            ))}
          </ul>
        </section>
        <section className="section">
          <div className="section-head"><h2>{w.workers}</h2><Link href={paths.workers(project.id)}>{w.seeAll}</Link></div>
          {services?.results.length === 0 && <p className="soft">{w.noWorkers}</p>}
          <ul className="lines">
            {services?.results.slice(0, 5).map((service) => (
              <li key={service.id}>
                <div className="line-head"><Link href={paths.workers(project.id)}>{service.name}</Link><OnlineTag online={service.online} /></div>
                <p className="soft small">{words.worker.lastSeen}: <When at={service.last_seen_at} /></p>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  )
}

function Strip({ images }: { images: Image[] }) {
  const project = useProject()
  return (
    <section aria-label={words.overview.recent}>
      <div className="strip">
        {images.map((image) => (
          <Link
            key={image.id} href={paths.image(project.id, image.id)} className="tile-picture"
            style={{ aspectRatio: `${image.width} / ${image.height}`, height: "100%" }} title={`${image.deployment_name}, ${exact(image.captured_at, image.time_zone)}`}
            aria-label={image.filename}
          >
            <Thumbnail image={image} eager />
          </Link>
        ))}
      </div>
    </section>
  )
}

function TopClasses() {
  const project = useProject()
  const { data } = useQuery(askClasses(project.id))
  const classes = data?.results.slice(0, 7) ?? []
  const most = Math.max(1, ...classes.map((one) => one.images))
  return (
    <section className="section">
      <div className="section-head"><h2>{words.overview.found}</h2></div>
      {classes.length === 0 && <p className="soft">{words.job.noFinds}</p>}
      <div className="class-bars">
        {classes.map((one) => (
          <Link key={one.class_name} href={withSearch(paths.images(project.id), { class: one.class_name })}>
            <i style={{ width: `${(100 * one.images) / most}%`, background: classColour(one.class_name) }} />
            <span className="dot" style={{ background: classColour(one.class_name) }} />
            <span>{one.class_name}</span>
            <b>{words.count(one.images)}</b>
          </Link>
        ))}
      </div>
    </section>
  )
}

function FirstSteps({ hasDeployment, hasImages, hasPipeline }: { hasDeployment: boolean; hasImages: boolean; hasPipeline: boolean }) {
  const project = useProject()
  const [open, setOpen] = useState<"deployment" | "upload" | "pipeline" | null>(null)
  const w = words.first
  const number = (step: number, done: boolean) => (
    <span className="step-number">{done ? <Check size={26} aria-label={w.done} /> : step}</span>
  )
  return (
    <section className="section" style={{ marginTop: 0, marginBottom: 28 }} data-testid="first-steps">
      <h2>{w.title}</h2>
      <div className="steps">
        <div className={hasDeployment ? "step step-done" : "step"}>
          {number(1, hasDeployment)}
          <h3>{w.where}</h3>
          <p>{w.whereText}</p>
          {!hasDeployment && <div className="actions"><Button kind="accent" onClick={() => setOpen("deployment")}>{w.whereGo}</Button></div>}
        </div>
        <div className={hasImages ? "step step-done" : "step"}>
          {number(2, hasImages)}
          <h3>{w.bring}</h3>
          <p>{w.bringText}</p>
          {!hasImages && (
            <div className="actions">
              <LinkButton kind={hasDeployment ? "accent" : "plain"} href={paths.newSource(project.id)}>{w.bringGo}</LinkButton>
              <Button onClick={() => setOpen("upload")}>{w.bringUpload}</Button>
            </div>
          )}
        </div>
        <div className={hasPipeline ? "step step-done" : "step"}>
          {number(3, hasPipeline)}
          <h3>{w.pipeline}</h3>
          <p>{w.pipelineText}</p>
          {!hasPipeline && <div className="actions"><Button kind={hasImages ? "accent" : "plain"} onClick={() => setOpen("pipeline")}>{w.pipelineGo}</Button></div>}
        </div>
      </div>
      <Dialog open={open === "deployment"} onClose={() => setOpen(null)} title={words.deployment.add}>
        <DeploymentForm onDone={() => setOpen(null)} />
      </Dialog>
      {open === "upload" && <UploadDialog initial={[]} onClose={() => setOpen(null)} />}
      <ChoosePipeline open={open === "pipeline"} onClose={() => setOpen(null)} />
    </section>
  )
}

function ChoosePipeline({ open, onClose }: { open: boolean; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const { data } = useQuery({ ...askPipelines(project.id), enabled: open })
  const [chosen, setChosen] = useState("")
  const slug = chosen || data?.results[0]?.slug || ""
  const choose = useMutation({
    mutationFn: () => answer(api.PATCH("/api/v2/projects/{project_id}", { params: { path: { project_id: project.id } }, body: { automatic_pipeline: slug } })),
    onSuccess: (changed) => {
      client.setQueryData(askProject(project.id).queryKey, changed)
      toast(words.first.chosen(data?.results.find((one) => one.slug === slug)?.name ?? slug))
      onClose()
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={words.first.pipeline}>
      {data?.results.length === 0 ? (
        <>
          <p className="soft">{words.first.noPipeline}</p>
          <div className="dialog-actions"><LinkButton kind="accent" href={paths.workers(project.id)}>{words.first.noPipelineGo}</LinkButton></div>
        </>
      ) : (
        <>
          <SelectField label={words.settings.automatic} hint={words.settings.automaticHint} value={slug} onChange={(event) => setChosen(event.target.value)}>
            {data?.results.map((one) => <option key={one.slug} value={one.slug}>{one.name}</option>)}
          </SelectField>
          <div className="dialog-actions"><Button kind="accent" busy={choose.isPending} disabled={!slug} onClick={() => choose.mutate()}>{words.first.pipelineGo}</Button></div>
        </>
      )}
    </Dialog>
  )
}
