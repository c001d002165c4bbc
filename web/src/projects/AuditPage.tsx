/** The audit of a project, for its owners: who did what, when, and from where. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { useEffect, useMemo, useRef } from "react"
import { Link } from "wouter"
import { askAudit, type AuditFilter } from "../api/queries"
import type { AuditEntry } from "../api/types"
import { isOwner, useProject } from "./project"
import { useSearch } from "../ui/search"
import { SettingsTabs } from "./SettingsTabs"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "../queue/runs.css"
import { When } from "../ui/time"
import { words } from "../en"
import { auditWords } from "./en"

const FILTERS: (keyof AuditFilter)[] = ["actor", "action", "kind", "since"]

export function AuditPage() {
  const project = useProject()
  const owner = isOwner(project)
  const [search, setSearch] = useSearch()
  const filter = useMemo(() => Object.fromEntries(FILTERS.map((key) => [key, search.get(key) ?? ""])) as unknown as AuditFilter, [search])
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({ ...askAudit(project.id, filter), enabled: owner })
  const entries = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  const w = auditWords
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w, project.name])
  const filtered = FILTERS.some((key) => filter[key])
  const clear = () => setSearch((next) => FILTERS.forEach((key) => next.delete(key)))
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{words.settings.title}</h1>
        {first && <span className="count">{words.about(w.entries(first.count), first.count_is_estimate)}</span>}
      </div>
      <SettingsTabs part="audit" />
      {!owner ? <Empty title={w.title} text={w.onlyOwners} /> : (
        <section aria-label={w.title}>
          <p className="soft">{w.text}</p>
          <Filters
            filter={filter} entries={entries} onClear={filtered ? clear : undefined}
            onChange={(key, value) => setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })}
          />
          {error && <Trouble error={error} retry={() => void refetch()} />}
          {!data && !error && <SkeletonRows />}
          {data && entries.length === 0 && (filtered
            ? <Empty title={w.noMatchTitle} text={w.noMatch}><Button onClick={clear}>{w.clear}</Button></Empty>
            : <Empty title={w.noneTitle} text={w.none} />
          )}
          {entries.length > 0 && <Table entries={entries} />}
          {hasNextPage && <div className="actions" style={{ marginTop: 12 }}><Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>{words.common.more}</Button></div>}
        </section>
      )}
    </div>
  )
}

interface FiltersProps {
  filter: AuditFilter
  entries: AuditEntry[]
  onChange: (key: keyof AuditFilter, value: string) => void
  onClear?: () => void
}

function Filters({ filter, entries, onChange, onClear }: FiltersProps) {
  const w = auditWords
  // Whoever was seen can be chosen, also while others are filtered away.
  const seen = useRef(new Map<string, string>())
  for (const entry of entries) seen.current.set(entry.actor_id, entry.actor)
  const actors = [...seen.current].sort(([, a], [, b]) => a.localeCompare(b))
  if (filter.actor && !seen.current.has(filter.actor)) actors.push([filter.actor, filter.actor])
  const choice = (key: "actor" | "action" | "kind", label: string, any: string, options: [string, string][]) => (
    <select className={filter[key] ? "input set" : "input"} aria-label={label} value={filter[key]} onChange={(event) => onChange(key, event.target.value)}>
      <option value="">{any}</option>
      {filter[key] && !options.some(([value]) => value === filter[key]) && <option value={filter[key]}>{filter[key]}</option>}
      {options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
    </select>
  )
  return (
    <div className="filters open audit-filters">
      {choice("actor", w.who, w.anybody, actors)}
      {choice("action", w.what, w.anyAction, Object.entries(w.actions))}
      {choice("kind", w.toWhat, w.anyKind, Object.entries(w.kinds))}
      <label>{w.since}<input type="date" className={filter.since ? "input set" : "input"} value={filter.since} onChange={(event) => onChange("since", event.target.value)} /></label>
      {onClear && <Button small kind="quiet" onClick={onClear}>{w.clear}</Button>}
    </div>
  )
}

function Table({ entries }: { entries: AuditEntry[] }) {
  const w = auditWords
  return (
    <div className="table-scroll">
      <table className="table keys-table audit-table" data-testid="audit">
        <thead><tr><th>{w.at}</th><th>{w.who}</th><th>{w.what}</th><th>{w.address}</th></tr></thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id} data-action={entry.action} data-kind={entry.kind}>
              <td><When at={entry.at} /></td>
              <td data-label={w.who}>{entry.actor}</td>
              <td className="audit-what"><What entry={entry} /></td>
              <td data-label={w.address}>{entry.address || <span className="faint">{w.nowhere}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** What was done to what, and behind a fold all that was written down. */
function What({ entry }: { entry: AuditEntry }) {
  const project = useProject()
  const w = auditWords
  const to = addressOf(project.id, entry)
  const name = nameOf(entry)
  return (
    <>
      {w.actions[entry.action] ?? entry.action} {w.the(w.kinds[entry.kind] ?? entry.kind)} {to ? <Link href={to}>{name}</Link> : <b>{name}</b>}
      <details className="more">
        <summary>{w.details}</summary>
        <dl className="audit-details">
          <dt>{w.id}</dt><dd><code>{entry.subject_id}</code></dd>
          {entry.request_id && <><dt>{w.request}</dt><dd><code>{entry.request_id}</code></dd></>}
          {Object.keys(entry.details).length > 0 && <><dt>{w.written}</dt><dd><pre>{JSON.stringify(entry.details, null, 2)}</pre></dd></>}
        </dl>
      </details>
    </>
  )
}

/** By which of its details a thing is known best. */
const NAMES = ["name", "filename", "key_id", "host"]

function nameOf({ details, subject_id: id }: AuditEntry): string {
  const name = NAMES.map((key) => details[key]).find((value) => typeof value === "string" && value !== "")
  if (typeof name === "string") return name
  return id.length > 12 ? `${id.slice(0, 8)}…` : id
}

/** Where a thing is seen; what is deleted is nowhere. */
function addressOf(project: number, { kind, action, subject_id: id }: AuditEntry): string | null {
  if (action === "delete") return null
  switch (kind) {
    case "job": return paths.job(project, id)
    case "source": return paths.source(project, id)
    case "image": return paths.image(project, id)
    case "deployment": return paths.deployment(project, id)
    case "webhook": return paths.webhook(project, id)
    case "preset": return paths.presets(project)
    case "taxon":
    case "label": return paths.taxa(project)
    case "callback_key": return paths.integrations(project)
    case "worker":
    case "processing_service": return paths.workers(project)
    case "project": return paths.settings(project)
    default: return null
  }
}
