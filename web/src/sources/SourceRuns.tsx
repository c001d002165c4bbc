/** The history of a source: each run, what it listed and took, and what went wrong. */
import { useQuery } from "@tanstack/react-query"
import { askRuns } from "../api/queries"
import type { Source } from "../api/types"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { bytes, duration, When } from "../ui/time"
import { words } from "../en"
import { sourceWords } from "./en"
import { RunTag } from "../queue/states"

export function SourceRuns({ source }: { source: Source }) {
  const { data, error } = useQuery(askRuns(source.project_id, source.id))
  const w = sourceWords
  return (
    <section className="section">
      <h2>{w.runs}</h2>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.results.length === 0 && <p className="soft">{w.noRuns}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={sourceWords.runs}>
          <table className="table" data-testid="runs">
            <thead>
              <tr>
                <th>{w.begun}</th><th>{words.job.state}</th><th className="number">{w.listed}</th><th className="number">{w.new}</th><th className="number">{w.imported}</th>
                <th className="number">{w.duplicate}</th><th className="number">{w.skipped}</th><th className="number">{w.failed}</th><th className="number">{w.bytes}</th><th className="number">{w.took}</th>
              </tr>
            </thead>
            <tbody>
              {data.results.map((run) => (
                <tr key={run.id}>
                  <td className="nowrap"><When at={run.started_at} zone={source.time_zone} /><div className="small faint">{w.triggers[run.trigger] ?? run.trigger}</div></td>
                  <td>
                    <RunTag state={run.state} />
                    {run.error && <p className="small red">{run.error}</p>}
                    {(run.unlisted_folders ?? 0) > 0 && <p className="small red">{w.unlisted(run.unlisted_folders ?? 0)}</p>}
                    {Object.entries(run.left_out ?? {}).map(([reason, count]) => <p key={reason} className="small soft">{w.leftOut(count, reason)}</p>)}
                    {run.remaining > 0 && <p className="small soft">{w.remaining(run.remaining)}</p>}
                  </td>
                  {[run.listed, run.new, run.imported, run.duplicate, run.skipped, run.failed].map((count, at) => (
                    <td key={at} className={count === 0 ? "number faint" : at === 5 ? "number red" : "number"}>{words.count(count)}</td>
                  ))}
                  <td className={run.bytes === 0 ? "number nowrap faint" : "number nowrap"}>{bytes(run.bytes)}</td>
                  <td className="number nowrap">{duration(run.seconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
