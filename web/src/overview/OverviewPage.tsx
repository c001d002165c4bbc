/**
 * The overview of a project: recent images, detected classes, and what needs attention. A new
 * project also shows the first steps.
 */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { lazy, Suspense, useEffect } from "react"
import { Link, useLocation } from "wouter"
import { navigationTexts } from "../app/en"
import { brandTexts } from "../brand/en"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useClassColour } from "../findings/classColours"
import { classesQuery, recentImagesQuery } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { formatStatusReason, jobTexts, workerTexts } from "../queue/en"
import { ProgressBar } from "../queue/ProgressBar"
import { jobsQuery, servicesQuery } from "../queue/queries"
import { useRunningJobs } from "../queue/runningJobs"
import { JobTag, OnlineTag } from "../queue/statusTags"
import { sourcesQuery } from "../sources/queries"
import { sourceStateTexts } from "../sources/state/en"
import { HealthTag, isUnhealthy } from "../sources/statusTags"
import { formatCount, formatEstimate } from "../ui/en"
import { formatAge, Timestamp } from "../ui/time"
import { ActivityCharts } from "./ActivityCharts"
import { BestFinds } from "./BestFinds"
import { overviewTexts } from "./en"
import { ReviewProgressSection } from "./ReviewProgressSection"
import "./overview.css"

const FirstSteps = lazy(() =>
  import("./OnboardingSteps").then((m) => ({ default: m.OnboardingSteps })),
)
const DeploymentMap = lazy(() =>
  import("../deployments/map/DeploymentMap").then((m) => ({ default: m.DeploymentMap })),
)

/** A survey of which no camera sent an image for this time is finished: its cameras are not silent. */
const FINISHED_AFTER_MS = 30 * 86_400_000

const isFinished = (lastImage: string) => Date.now() - Date.parse(lastImage) > FINISHED_AFTER_MS

export function OverviewPage() {
  const project = useProject()
  const recent = useQuery(recentImagesQuery(project.id, 12))
  const jobList = useInfiniteQuery(jobsQuery(project.id, undefined))
  const running = useRunningJobs()
  const places = useQuery(deploymentsQuery(project.id))
  const sourceList = useQuery(sourcesQuery(project.id))
  const serviceList = useQuery(servicesQuery(project.id))
  const [images, jobs, deployments, sources, services] = [
    recent.data,
    jobList.data,
    places.data,
    sourceList.data,
    serviceList.data,
  ]
  const t = overviewTexts
  useEffect(() => {
    document.title = `${project.name} · ${brandTexts.product}`
  }, [project.name])

  const allJobs = jobs?.pages[0]?.results ?? []
  const silent = deployments?.results.filter((one) => one.silent_since) ?? []
  const last = (deployments?.results ?? [])
    .flatMap((one) => one.last_image_at ?? [])
    .sort()
    .at(-1)
  const online = services?.results.filter((service) => service.online).length ?? 0
  const failing = sources?.results.filter((source) => isUnhealthy(source.health)) ?? []
  const polled = [
    ...failing,
    ...(sources?.results.filter((source) => !isUnhealthy(source.health)) ?? []),
  ]
  const placed = deployments?.results.some((one) => one.latitude !== null && one.longitude !== null)
  const hasResults =
    [...allJobs, ...(running.jobs ?? [])].some((job) => job.progress.completed > 0) ||
    images?.results.some((image) => image.analysis_state === "completed")
  const asked = [recent, jobList, running, places, sourceList, serviceList]
  const failed = asked.find((one) => one.error)
  const [, go] = useLocation()

  return (
    <>
      <div className="page-head">
        <h1>{project.name}</h1>
      </div>
      {failed && (
        <ErrorMessage
          error={failed.error}
          retry={() => asked.filter((one) => one.error).forEach((one) => void one.refetch())}
        />
      )}
      {images &&
        jobs &&
        running.jobs &&
        deployments &&
        services &&
        !hasResults &&
        canManage(project) && (
          <Suspense fallback={null}>
            <FirstSteps
              deployments={deployments.results}
              images={images.count}
              services={services.results}
              jobs={allJobs}
              waiting={running.jobs[0]}
            />
          </Suspense>
        )}
      <div className="figures">
        <Link href={paths.images(project.id)}>
          <b>
            {formatEstimate(
              formatCount(images?.count ?? project.images),
              images?.count_is_estimate ?? false,
            )}
          </b>{" "}
          {t.figures.images(images?.count ?? project.images)}
        </Link>
        <Link href={paths.deployments(project.id)}>
          <b>{deployments ? formatCount(deployments.count) : "–"}</b>{" "}
          {t.figures.deployments(deployments?.count ?? 0)}
        </Link>
        <Link href={paths.jobs(project.id)}>
          <b>{running.jobs ? formatCount(running.count) : "–"}</b> {t.figures.jobs(running.count)}
        </Link>
        <Link href={paths.workers(project.id)}>
          <b>{services ? formatCount(online) : "–"}</b> {t.figures.workers(online)}
        </Link>
        {silent.length > 0 &&
          last &&
          (isFinished(last) ? (
            <Link href={paths.deployments(project.id)}>
              {t.lastImage(formatAge(last, Date.now()))}
            </Link>
          ) : (
            <Link href={paths.deployments(project.id)} className="amber">
              {t.silent(silent.length)}
            </Link>
          ))}
        {failing.length > 0 && (
          <Link
            href={
              failing.length === 1 && failing[0]
                ? paths.source(project.id, failing[0].id)
                : paths.sources(project.id)
            }
            className="amber"
          >
            {navigationTexts.failing(failing.length)}
          </Link>
        )}
      </div>
      {images && images.results.length > 0 && <BestFinds newest={images.results} />}
      <div className="overview">
        <div>
          <section className="section">
            <div className="section-head">
              <h2>{t.running}</h2>
              <Link href={paths.jobs(project.id)}>{t.seeAll}</Link>
            </div>
            {running.jobs?.length === 0 && <p className="soft">{t.nothingRuns}</p>}
            <ul className="rows">
              {running.jobs?.slice(0, 4).map((job) => (
                <li key={job.id}>
                  <div className="row-head">
                    <Link href={paths.job(project.id, job.id)}>
                      {job.name || jobTexts.noName(job.pipeline_slug, job.id)}
                    </Link>
                    <JobTag job={job} />
                  </div>
                  <ProgressBar progress={job.progress} />
                  <p className="soft small">{formatStatusReason(job.status_reason)}</p>
                </li>
              ))}
            </ul>
          </section>
          <TopClasses />
          {placed && deployments && (
            <section className="section">
              <div className="section-head">
                <h2>{t.where}</h2>
                <Link href={paths.deployments(project.id)}>{t.seeAll}</Link>
              </div>
              <div className="overview-map">
                <Suspense fallback={null}>
                  <DeploymentMap
                    still
                    deployments={deployments.results}
                    label={t.where}
                    onChoose={(id) => go(withSearch(paths.deployments(project.id), { at: id }))}
                  />
                </Suspense>
              </div>
            </section>
          )}
        </div>
        <div>
          <ReviewProgressSection />
          <ActivityCharts />
          <section className="section">
            <div className="section-head">
              <h2>{t.sources}</h2>
              <Link href={paths.sources(project.id)}>{t.seeAll}</Link>
            </div>
            {sources?.results.length === 0 && <p className="soft">{t.noSources}</p>}
            <ul className="rows">
              {polled.slice(0, Math.max(5, Math.min(failing.length, 10))).map((source) => (
                <li key={source.id}>
                  <div className="row-head">
                    <Link href={paths.source(project.id, source.id)}>{source.name}</Link>
                    <HealthTag health={source.health} />
                  </div>
                  {isUnhealthy(source.health) && source.health_detail && (
                    <p className="small red sentence" lang="en">
                      {source.health_detail}
                    </p>
                  )}
                  <p className="soft small">
                    {sourceStateTexts.lastRun}:{" "}
                    <Timestamp at={source.last_run?.started_at} zone={source.time_zone} />
                    {source.counts.quarantined ? (
                      <>
                        .{" "}
                        <Link
                          className="amber"
                          href={withSearch(paths.source(project.id, source.id), {
                            state: "quarantined",
                          })}
                        >
                          {formatCount(source.counts.quarantined)}{" "}
                          {sourceStateTexts.states.quarantined}
                        </Link>
                      </>
                    ) : null}
                  </p>
                </li>
              ))}
            </ul>
          </section>
          <section className="section">
            <div className="section-head">
              <h2>{t.workers}</h2>
              <Link href={paths.workers(project.id)}>{t.seeAll}</Link>
            </div>
            {services?.results.length === 0 && <p className="soft">{t.noWorkers}</p>}
            <ul className="rows">
              {services?.results.slice(0, 5).map((service) => (
                <li key={service.id}>
                  <div className="row-head">
                    <Link href={paths.workers(project.id)}>{service.name}</Link>
                    <OnlineTag online={service.online} />
                  </div>
                  <p className="soft small">
                    {workerTexts.lastSeen}: <Timestamp at={service.last_seen_at} />
                  </p>
                </li>
              ))}
            </ul>
          </section>
        </div>
      </div>
    </>
  )
}

function TopClasses() {
  const classColour = useClassColour()
  const project = useProject()
  const { data } = useQuery(classesQuery(project.id))
  const classes = data?.results.slice(0, 7) ?? []
  const most = Math.max(1, ...classes.map((one) => one.images))
  return (
    <section className="section">
      <div className="section-head">
        <h2>{overviewTexts.found}</h2>
      </div>
      {data && classes.length === 0 && <p className="soft">{jobTexts.noFinds}</p>}
      <div className="class-bars">
        {classes.map((one) => (
          <Link
            key={one.class_name}
            href={withSearch(paths.images(project.id), { class: one.class_name })}
          >
            <i
              style={{
                width: `${(100 * one.images) / most}%`,
                background: classColour(one.class_name),
              }}
            />
            <span className="dot" style={{ background: classColour(one.class_name) }} />
            <span>{one.class_name}</span>
            <b>{formatCount(one.images)}</b>
          </Link>
        ))}
      </div>
    </section>
  )
}
