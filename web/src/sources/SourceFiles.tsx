/** The files of a source with their states and reasons; failed ones can be retried. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { FileState, PulledFile, Source } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { formatCount, uiTexts } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { MoreButton } from "../ui/MoreButton"
import { showToast } from "../ui/Toasts"
import { formatBytes, Timestamp } from "../ui/time"
import { useUrlQuery } from "../ui/urlQuery"
import { sourceTexts } from "./en"
import { sourceFilesQuery } from "./queries"
import { sourceStateTexts } from "./state/en"
import { FileTag } from "./statusTags"

const STATES: FileState[] = ["quarantined", "failed", "skipped", "seen", "imported", "duplicate"]

const isStuck = (state: FileState | undefined) => state === "quarantined" || state === "failed"

export function SourceFiles({ source }: { source: Source }) {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useUrlQuery()
  const state = STATES.find((one) => one === search.get("state"))
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    sourceFilesQuery(source.project_id, source.id, state),
  )
  const files = data?.pages.flatMap((page) => page.results) ?? []
  const t = sourceTexts
  const retry = useMutation({
    mutationFn: (path: string | undefined) =>
      unwrap(
        api.POST("/image-pull-sources/{source_id}/files/retry", {
          params: { path: { source_id: source.id }, query: { path } },
        }),
      ),
    onSuccess: (released) => {
      showToast(t.retried(released.files))
      void client.invalidateQueries({ queryKey: ["source", project.id] })
    },
  })
  const stuck = (source.counts.quarantined ?? 0) + (source.counts.failed ?? 0)
  const may = canManage(project)
  return (
    <section className="section">
      <div className="section-head">
        <h2>{t.files}</h2>
        {may && stuck > 0 && (state === undefined || isStuck(state)) && (
          <Button
            small
            busy={retry.isPending && retry.variables === undefined}
            onClick={() => retry.mutate(undefined)}
          >
            {t.retryAll(stuck)}
          </Button>
        )}
      </div>
      <div className="tabs">
        {[undefined, ...STATES].map((one) => (
          <button
            key={one ?? "all"}
            type="button"
            className="tab"
            aria-pressed={one === state}
            onClick={() =>
              setSearch((next) => (one ? next.set("state", one) : next.delete("state")), {
                replace: true,
              })
            }
          >
            {one ? sourceStateTexts.states[one] : uiTexts.all}
            {one && <span className="faint"> {formatCount(source.counts[one] ?? 0)}</span>}
          </button>
        ))}
      </div>
      {state && t.statesMeant[state] && files.length > 0 && (
        <p className="soft small">{t.statesMeant[state]}</p>
      )}
      {error && <ErrorMessage error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && files.length === 0 && (
        <p className="soft">{state ? t.noFilesIn[state] : t.noFiles}</p>
      )}
      {files.length > 0 && (
        <div className="table-scroll">
          <table className="table files-table" data-testid="files">
            <thead>
              <tr>
                <th>{t.file}</th>
                <th>{t.state}</th>
                <th className="number">{t.size}</th>
                <th>{t.why}</th>
                {may && <th aria-label={t.retryOne} />}
              </tr>
            </thead>
            <tbody>
              {files.map((file) => (
                <tr key={file.path}>
                  <td className="file-name">
                    {file.image_id ? (
                      <Link className="name" href={paths.image(project.id, file.image_id)}>
                        {file.path}
                      </Link>
                    ) : (
                      file.path
                    )}
                    {file.modified_at && (
                      <div className="small faint">
                        {t.modified} <Timestamp at={file.modified_at} zone={source.time_zone} />
                      </div>
                    )}
                  </td>
                  <td>
                    <FileTag state={file.state} />
                  </td>
                  <td className="number nowrap">
                    {file.size === null ? "" : formatBytes(file.size)}
                  </td>
                  <td className="soft small file-reason">
                    <FileReason file={file} zone={source.time_zone} />
                  </td>
                  {may && (
                    <td className="file-retry">
                      {isStuck(file.state) && (
                        <Button
                          small
                          aria-label={t.retryFile(file.path)}
                          busy={retry.isPending && retry.variables === file.path}
                          onClick={() => retry.mutate(file.path)}
                        >
                          {t.retryOne}
                        </Button>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
    </section>
  )
}

/** The reason of a file's state, the number of attempts, and the time of the next one. */
function FileReason({ file, zone }: { file: PulledFile; zone: string }) {
  const t = sourceTexts
  return (
    <>
      {file.error}
      {(file.attempts > 0 && isStuck(file.state)) || file.next_attempt_at ? (
        <div className="faint">
          {file.attempts > 0 && isStuck(file.state) ? t.attempts(file.attempts) : ""}
          {file.next_attempt_at && (
            <>
              {file.attempts > 0 && isStuck(file.state) ? ". " : ""}
              {t.triedAgain} <Timestamp at={file.next_attempt_at} zone={zone} />
            </>
          )}
        </div>
      ) : null}
    </>
  )
}
