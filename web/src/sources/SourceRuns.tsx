/** The runs of a source: files listed and imported, and errors. */
import { useQuery } from "@tanstack/react-query"
import type { Source } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatCount } from "../ui/en"
import { SkeletonRows } from "../ui/feedback"
import { formatBytes, formatDuration, Timestamp } from "../ui/time"
import { sourceTexts } from "./en"
import { sourceRunsQuery } from "./queries"
import { RunTag } from "./statusTags"

export function SourceRuns({ source }: { source: Source }) {
  const { data, error } = useQuery(sourceRunsQuery(source.project_id, source.id))
  const t = sourceTexts
  return (
    <section className="section">
      <h2>{t.runs}</h2>
      {error && <ErrorMessage error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.results.length === 0 && <p className="soft">{t.noRuns}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={sourceTexts.runs}>
          <table className="table" data-testid="runs">
            <thead>
              <tr>
                <th>{t.begun}</th>
                <th>{sourceTexts.state}</th>
                <th className="number">{t.listed}</th>
                <th className="number">{t.new}</th>
                <th className="number">{t.imported}</th>
                <th className="number">{t.duplicate}</th>
                <th className="number">{t.skipped}</th>
                <th className="number">{t.failed}</th>
                <th className="number">{t.bytes}</th>
                <th className="number">{t.took}</th>
              </tr>
            </thead>
            <tbody>
              {data.results.map((run) => (
                <tr key={run.id}>
                  <td className="nowrap">
                    <Timestamp at={run.started_at} zone={source.time_zone} />
                    <div className="small faint">{t.triggers[run.trigger] ?? run.trigger}</div>
                  </td>
                  <td>
                    <RunTag state={run.state} />
                    {run.error && (
                      <p className="small red" lang="en">
                        {run.error}
                      </p>
                    )}
                    {(run.unlisted_folders ?? 0) > 0 && (
                      <p className="small red">{t.unlisted(run.unlisted_folders ?? 0)}</p>
                    )}
                    {Object.entries(run.left_out ?? {}).map(([reason, count]) => (
                      <p key={reason} className="small soft">
                        {t.leftOut(count, reason)}
                      </p>
                    ))}
                    {run.remaining > 0 && (
                      <p className="small soft">{t.remaining(run.remaining)}</p>
                    )}
                  </td>
                  {[run.listed, run.new, run.imported, run.duplicate, run.skipped, run.failed].map(
                    (count, at) => (
                      <td
                        // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
                        key={at}
                        className={
                          count === 0 ? "number faint" : at === 5 ? "number red" : "number"
                        }
                      >
                        {formatCount(count)}
                      </td>
                    ),
                  )}
                  <td className={run.bytes === 0 ? "number nowrap faint" : "number nowrap"}>
                    {formatBytes(run.bytes)}
                  </td>
                  <td className="number nowrap">{formatDuration(run.seconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
