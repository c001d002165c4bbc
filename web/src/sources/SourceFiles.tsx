/** What became of each file of a source, and why; what failed can be tried again, one by one or all. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askFiles } from "../api/queries"
import type { FileState, PulledFile, Source } from "../api/types"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { sourceWords } from "./en"
import { mayManage, useProject } from "../projects/project"
import { useSearch } from "../ui/search"
import { FileTag } from "../queue/states"

const STATES: FileState[] = ["quarantined", "failed", "skipped", "seen", "imported", "duplicate"]

const isStuck = (state: FileState | undefined) => state === "quarantined" || state === "failed"

export function SourceFiles({ source }: { source: Source }) {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useSearch()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(askFiles(source.project_id, source.id, state))
  const files = data?.pages.flatMap((page) => page.results) ?? []
  const w = sourceWords
  const retry = useMutation({
    mutationFn: (path: string | undefined) =>
      answer(api.POST("/image-pull-sources/{source_id}/files/retry", { params: { path: { source_id: source.id }, query: { path } } })),
    onSuccess: (released) => {
      toast(w.retried(released.files))
      void client.invalidateQueries({ queryKey: ["source", project.id] })
    },
  })
  const stuck = (source.counts.quarantined ?? 0) + (source.counts.failed ?? 0)
  const may = mayManage(project)
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.files}</h2>
        {may && stuck > 0 && (state === undefined || isStuck(state)) && (
          <Button small busy={retry.isPending && retry.variables === undefined} onClick={() => retry.mutate(undefined)}>{w.retryAll(stuck)}</Button>
        )}
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((one) => (
          <button key={one ?? "all"} type="button" className="tab" aria-pressed={one === state} onClick={() => setSearch((next) => (one ? next.set("state", one) : next.delete("state")), { replace: true })}>
            {one ? words.source.states[one] : words.common.all}
            {one && <span className="faint"> {words.count(source.counts[one] ?? 0)}</span>}
          </button>
        ))}
      </div>
      {state && w.statesMeant[state] && files.length > 0 && <p className="soft small">{w.statesMeant[state]}</p>}
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && files.length === 0 && <p className="soft">{state ? w.noFilesIn[state] : w.noFiles}</p>}
      {files.length > 0 && (
        <div className="table-scroll">
          <table className="table files-table" data-testid="files">
            <thead><tr><th>{w.file}</th><th>{w.state}</th><th className="number">{w.size}</th><th>{w.why}</th>{may && <th aria-label={w.retryOne} />}</tr></thead>
            <tbody>
              {files.map((file) => (
                <tr key={file.path}>
                  <td className="file-name">
                    {file.image_id ? <Link className="name" href={paths.image(project.id, file.image_id)}>{file.path}</Link> : file.path}
                    {file.modified_at && <div className="small faint">{w.modified} <When at={file.modified_at} zone={source.time_zone} /></div>}
                  </td>
                  <td><FileTag state={file.state} /></td>
                  <td className="number nowrap">{file.size === null ? "" : bytes(file.size)}</td>
                  <td className="soft small file-why"><Why file={file} zone={source.time_zone} /></td>
                  {may && (
                    <td className="file-retry">
                      {isStuck(file.state) && (
                        <Button small aria-label={w.retryFile(file.path)} busy={retry.isPending && retry.variables === file.path} onClick={() => retry.mutate(file.path)}>{w.retryOne}</Button>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
    </section>
  )
}

/** Why a file is where it is, how often it was tried, and when it is tried again. */
function Why({ file, zone }: { file: PulledFile; zone: string }) {
  const w = sourceWords
  return (
    <>
      {file.error}
      {(file.attempts > 0 && isStuck(file.state)) || file.next_attempt_at ? (
        <div className="faint">
          {file.attempts > 0 && isStuck(file.state) ? w.attempts(file.attempts) : ""}
          {file.next_attempt_at && <>{file.attempts > 0 && isStuck(file.state) ? ". " : ""}{w.triedAgain} <When at={file.next_attempt_at} zone={zone} /></>}
        </div>
      ) : null}
    </>
  )
}
