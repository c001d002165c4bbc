/**
 * The failed tasks of a job by reason, with the attempts of each image, and buttons to retry one,
 * several or all.
 */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronRight, RotateCcw } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { Attempt, DeadLetter, FailureGroup, JobDetail, RetryRequest } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatImages, imageTexts } from "../images/en"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { formatDuration, formatExact, formatTime, Timestamp } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { failureTexts } from "./en"
import { deadLettersQuery, taskQuery } from "./queries"

const t = failureTexts

function useRetry(job: JobDetail) {
  const project = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ wanted }: { wanted: RetryRequest; images: number }) =>
      unwrap(
        api.POST("/api/v2/jobs/{job_id}/retry", {
          params: { path: { job_id: job.id } },
          body: wanted,
        }),
      ),
    onSuccess: (_, { images }) => showToast(t.retried(images)),
    onSettled: () => client.invalidateQueries({ queryKey: ["job", project.id] }),
  })
}

export function JobFailures({ job }: { job: JobDetail }) {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const retry = useRetry(job)
  const open = search.get("reason")
  const failed = job.progress.failed
  if (failed === 0) return <p className="soft">{t.none}</p>
  const toggle = (reason: string) =>
    setSearch(
      (next) => {
        next.delete("task")
        if (open === reason) next.delete("reason")
        else next.set("reason", reason)
      },
      { replace: true },
    )
  return (
    <>
      <div className="section-head">
        <p className="soft">{t.sum(failed, job.failures.length)}</p>
        {canManage(project) && (
          <Button
            small
            icon={<RotateCcw size={14} aria-hidden />}
            busy={retry.isPending}
            onClick={() => retry.mutate({ wanted: {}, images: failed })}
          >
            {t.retryAll(failed)}
          </Button>
        )}
      </div>
      <ul className="rows" data-testid="failures">
        {job.failures.map((group) => (
          <li key={group.reason}>
            <div className="fold-head">
              <button
                type="button"
                className="fold"
                aria-expanded={open === group.reason}
                onClick={() => toggle(group.reason)}
              >
                <ChevronRight size={16} aria-hidden />
                <span className="fold-text">{group.reason || t.noReason}</span>
                <span className="red nowrap">{formatImages(group.images)}</span>
              </button>
              {canManage(project) && (
                <Button
                  small
                  kind="quiet"
                  busy={retry.isPending && retry.variables?.wanted.reason === group.reason}
                  aria-label={`${t.retryReason(group.images)}: ${group.reason || t.noReason}`}
                  onClick={() =>
                    retry.mutate({ wanted: { reason: group.reason }, images: group.images })
                  }
                >
                  {t.retryReason(group.images)}
                </Button>
              )}
            </div>
            {open === group.reason && <DeadLetters key={group.reason} job={job} group={group} />}
          </li>
        ))}
      </ul>
    </>
  )
}

function DeadLetters({ job, group }: { job: JobDetail; group: FailureGroup }) {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const retry = useRetry(job)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    deadLettersQuery(project.id, job.id, group.reason),
  )
  const letters = data?.pages.flatMap((page) => page.results) ?? []
  const picked = letters
    .filter((letter) => chosen.has(letter.analysis_id))
    .map((letter) => letter.analysis_id)
  const open = search.get("task")
  const toggle = (id: string) =>
    setSearch(
      (next) => {
        if (open === id) next.delete("task")
        else next.set("task", id)
      },
      { replace: true },
    )
  const choose = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={Math.min(group.images, 4)} height={40} />
  return (
    <div className="failed-tasks">
      {canManage(project) && (
        <div className="failed-tasks-bar">
          <span className="small soft">
            {picked.length > 0 ? imageTexts.selected(picked.length) : t.choose}
          </span>
          <Button
            small
            disabled={picked.length === 0}
            busy={retry.isPending}
            onClick={() =>
              retry.mutate(
                { wanted: { analyses: picked }, images: picked.length },
                { onSuccess: () => setChosen(new Set()) },
              )
            }
          >
            {t.retrySome}
          </Button>
        </div>
      )}
      <ul>
        {letters.map((letter) => (
          <DeadLetterRow
            key={letter.analysis_id}
            job={job}
            letter={letter}
            open={open === letter.analysis_id}
            onToggle={() => toggle(letter.analysis_id)}
          >
            {canManage(project) && (
              <input
                type="checkbox"
                aria-label={imageTexts.select(letter.filename)}
                checked={chosen.has(letter.analysis_id)}
                onChange={() => choose(letter.analysis_id)}
              />
            )}
          </DeadLetterRow>
        ))}
      </ul>
      {hasNextPage && (
        <Button small busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {uiTexts.more}
        </Button>
      )}
    </div>
  )
}

interface DeadLetterProps {
  job: JobDetail
  letter: DeadLetter
  open: boolean
  onToggle: () => void
  children: ReactNode
}

function DeadLetterRow({ job, letter, open, onToggle, children }: DeadLetterProps) {
  const project = useProject()
  return (
    <li className="failed-task">
      <div className="failed-task-head">
        {children}
        <button type="button" className="fold" aria-expanded={open} onClick={onToggle}>
          <ChevronRight size={14} aria-hidden />
          <span className="fold-text">{letter.filename}</span>
          <span className="small soft nowrap">{t.attempts(letter.attempts)}</span>
          <span className="small soft nowrap hide-phone">
            <Timestamp at={letter.failed_at} />
          </span>
        </button>
      </div>
      {open && (
        <div className="failed-task-body">
          <TaskHistory job={job.id} analysis={letter.analysis_id} />
          <Link className="small" href={paths.image(project.id, letter.image_id)}>
            {t.look}
          </Link>
        </div>
      )}
    </li>
  )
}

/** The attempts of a task: worker, time and result. */
function TaskHistory({ job, analysis }: { job: number; analysis: string }) {
  const project = useProject()
  const { data, error, refetch } = useQuery(taskQuery(project.id, job, analysis))
  if (error) return <ErrorMessage error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={2} height={32} />
  return (
    <ol className="task-history" data-testid="story">
      {data.attempts.map((attempt) => (
        <li key={`${attempt.number} ${attempt.outcome}`}>
          <div>
            <b>{t.attempt(attempt.number)}</b> <span>{attempt.worker ?? t.noWorker}</span>{" "}
            <span className="faint nowrap">{formatError(attempt)}</span>
          </div>
          {attempt.outcome === "error" && attempt.error ? (
            <p className="said">{attempt.error}</p>
          ) : (
            <p
              className={attempt.outcome === "error" || attempt.outcome === "lost" ? "red" : "soft"}
            >
              {t.outcomes[attempt.outcome] ?? attempt.outcome}
            </p>
          )}
        </li>
      ))}
      {data.error && data.error !== data.attempts.at(-1)?.error && (
        <li className="red said">{data.error}</li>
      )}
    </ol>
  )
}

function formatError(attempt: Attempt): ReactNode {
  if (!attempt.leased_at) return null
  const took = attempt.ended_at
    ? (Date.parse(attempt.ended_at) - Date.parse(attempt.leased_at)) / 1000
    : null
  return (
    <time dateTime={attempt.leased_at} title={formatExact(attempt.leased_at)}>
      {took === null
        ? t.since(formatTime(attempt.leased_at))
        : t.at(formatTime(attempt.leased_at), formatDuration(took))}
    </time>
  )
}
