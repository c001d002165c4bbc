/** What failed in a job: by reason, each image's attempts, and one, some or all of a reason done again. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { ChevronRight, RotateCcw } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askLetters, askTask } from "../api/queries"
import type { Attempt, DeadLetter, FailureGroup, JobDetail, RetryRequest } from "../api/types"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { clock, duration, exact, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"

const w = words.failure

function useRetry(job: JobDetail) {
  const project = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ wanted }: { wanted: RetryRequest; images: number }) =>
      answer(api.POST("/api/v2/jobs/{job_id}/retry", { params: { path: { job_id: job.id } }, body: wanted })),
    onSuccess: (_, { images }) => toast(w.retried(images)),
    onSettled: () => client.invalidateQueries({ queryKey: ["job", project.id] }),
  })
}

export function JobFailures({ job }: { job: JobDetail }) {
  const project = useProject()
  const [search, setSearch] = useSearch()
  const retry = useRetry(job)
  const open = search.get("reason")
  const failed = job.progress.failed
  if (failed === 0) return <p className="soft">{w.none}</p>
  const toggle = (reason: string) =>
    setSearch((next) => {
      next.delete("task")
      if (open === reason) next.delete("reason")
      else next.set("reason", reason)
    }, { replace: true })
  return (
    <>
      <div className="section-head">
        <p className="soft">{w.sum(failed, job.failures.length)}</p>
        {mayManage(project) && (
          <Button small icon={<RotateCcw size={14} aria-hidden />} busy={retry.isPending} onClick={() => retry.mutate({ wanted: {}, images: failed })}>
            {w.retryAll(failed)}
          </Button>
        )}
      </div>
      <ul className="lines" data-testid="failures">
        {job.failures.map((group) => (
          <li key={group.reason}>
            <div className="fold-head">
              <button type="button" className="fold" aria-expanded={open === group.reason} onClick={() => toggle(group.reason)}>
                <ChevronRight size={16} aria-hidden />
                <span className="fold-words">{group.reason || w.noReason}</span>
                <span className="red nowrap">{words.images(group.images)}</span>
              </button>
              {mayManage(project) && (
                <Button small kind="quiet" busy={retry.isPending && retry.variables?.wanted.reason === group.reason}
                  aria-label={`${w.retryReason(group.images)}: ${group.reason || w.noReason}`}
                  onClick={() => retry.mutate({ wanted: { reason: group.reason }, images: group.images })}>{w.retryReason(group.images)}</Button>
              )}
            </div>
            {open === group.reason && <Letters key={group.reason} job={job} group={group} />}
          </li>
        ))}
      </ul>
    </>
  )
}

function Letters({ job, group }: { job: JobDetail; group: FailureGroup }) {
  const project = useProject()
  const [search, setSearch] = useSearch()
  const retry = useRetry(job)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askLetters(project.id, job.id, group.reason))
  const letters = data?.pages.flatMap((page) => page.results) ?? []
  const picked = letters.filter((letter) => chosen.has(letter.analysis_id)).map((letter) => letter.analysis_id)
  const open = search.get("task")
  const toggle = (id: string) =>
    setSearch((next) => {
      if (open === id) next.delete("task")
      else next.set("task", id)
    }, { replace: true })
  const choose = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={Math.min(group.images, 4)} height={40} />
  return (
    <div className="letters">
      {mayManage(project) && (
        <div className="letters-bar">
          <span className="small soft">{picked.length > 0 ? words.image.selected(picked.length) : w.choose}</span>
          <Button small disabled={picked.length === 0} busy={retry.isPending}
            onClick={() => retry.mutate({ wanted: { analyses: picked }, images: picked.length }, { onSuccess: () => setChosen(new Set()) })}>{w.retrySome}</Button>
        </div>
      )}
      <ul>
        {letters.map((letter) => (
          <Letter key={letter.analysis_id} job={job} letter={letter} open={open === letter.analysis_id} onToggle={() => toggle(letter.analysis_id)}>
            {mayManage(project) && (
              <input type="checkbox" aria-label={words.image.select(letter.filename)} checked={chosen.has(letter.analysis_id)} onChange={() => choose(letter.analysis_id)} />
            )}
          </Letter>
        ))}
      </ul>
      {hasNextPage && <Button small busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button>}
    </div>
  )
}

interface LetterProps {
  job: JobDetail
  letter: DeadLetter
  open: boolean
  onToggle: () => void
  children: ReactNode
}

function Letter({ job, letter, open, onToggle, children }: LetterProps) {
  const project = useProject()
  return (
    <li className="letter">
      <div className="letter-head">
        {children}
        <button type="button" className="fold" aria-expanded={open} onClick={onToggle}>
          <ChevronRight size={14} aria-hidden />
          <span className="fold-words">{letter.filename}</span>
          <span className="small soft nowrap">{w.attempts(letter.attempts)}</span>
          <span className="small soft nowrap hide-phone"><When at={letter.failed_at} /></span>
        </button>
      </div>
      {open && (
        <div className="letter-body">
          <Story job={job.id} analysis={letter.analysis_id} />
          <Link className="small" href={paths.image(project.id, letter.image_id)}>{w.look}</Link>
        </div>
      )}
    </li>
  )
}

/** Each attempt at one task: who had it, when, how that ended. */
function Story({ job, analysis }: { job: number; analysis: string }) {
  const project = useProject()
  const { data, error, refetch } = useQuery(askTask(project.id, job, analysis))
  if (error) return <Trouble error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={2} height={32} />
  return (
    <ol className="story" data-testid="story">
      {data.attempts.map((attempt) => (
        <li key={`${attempt.number} ${attempt.outcome}`}>
          <div>
            <b>{w.attempt(attempt.number)}</b> <span>{attempt.worker ?? w.noWorker}</span> <span className="faint nowrap">{said(attempt)}</span>
          </div>
          {attempt.outcome === "error" && attempt.error
            ? <p className="said">{attempt.error}</p>
            : <p className={attempt.outcome === "error" || attempt.outcome === "lost" ? "red" : "soft"}>{w.outcomes[attempt.outcome] ?? attempt.outcome}</p>}
        </li>
      ))}
      {data.error && data.error !== data.attempts.at(-1)?.error && <li className="red said">{data.error}</li>}
    </ol>
  )
}

function said(attempt: Attempt): ReactNode {
  if (!attempt.leased_at) return null
  const took = attempt.ended_at ? (Date.parse(attempt.ended_at) - Date.parse(attempt.leased_at)) / 1000 : null
  return <time dateTime={attempt.leased_at} title={exact(attempt.leased_at)}>{took === null ? w.since(clock(attempt.leased_at)) : w.at(clock(attempt.leased_at), duration(took))}</time>
}
