/** The audit log of a project, for its owners: user, action, time and IP address. */
import { useInfiniteQuery } from "@tanstack/react-query"
import { useEffect, useMemo, useRef } from "react"
import { Link } from "wouter"
import type { AuditEntry } from "../api/types"
import { paths } from "../paths"
import { isOwner, useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { MoreButton } from "../ui/MoreButton"
import { useUrlQuery } from "../ui/urlQuery"
import "./audit.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { settingsTexts } from "../projects/en"
import type { AuditFilter } from "../projects/queries"
import { auditQuery } from "../projects/queries"
import { formatEstimate } from "../ui/en"
import { Timestamp } from "../ui/time"
import { auditTexts } from "./en"

const FILTERS: (keyof AuditFilter)[] = ["actor", "action", "kind", "since"]

export function AuditPage() {
  const project = useProject()
  const owner = isOwner(project)
  const [search, setSearch] = useUrlQuery()
  const filter = useMemo(
    () =>
      Object.fromEntries(
        FILTERS.map((key) => [key, search.get(key) ?? ""]),
      ) as unknown as AuditFilter,
    [search],
  )
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    { ...auditQuery(project.id, filter), enabled: owner },
  )
  const entries = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  const t = auditTexts
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const filtered = FILTERS.some((key) => filter[key])
  const clear = () =>
    setSearch((next) => {
      for (const key of FILTERS) next.delete(key)
    })
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
        {first && (
          <span className="count">
            {formatEstimate(t.entries(first.count), first.count_is_estimate)}
          </span>
        )}
      </div>
      <SettingsTabs part="audit" />
      {!owner ? (
        <EmptyState title={t.title} text={t.onlyOwners} />
      ) : (
        <section aria-label={t.title}>
          <p className="soft">{t.text}</p>
          <AuditFilters
            filter={filter}
            entries={entries}
            onClear={filtered ? clear : undefined}
            onChange={(key, value) =>
              setSearch((next) => (value ? next.set(key, value) : next.delete(key)), {
                replace: true,
              })
            }
          />
          {error && <ErrorMessage error={error} retry={() => void refetch()} />}
          {!data && !error && <SkeletonRows />}
          {data &&
            entries.length === 0 &&
            (filtered ? (
              <EmptyState title={t.noMatchTitle} text={t.noMatch}>
                <Button onClick={clear}>{t.clear}</Button>
              </EmptyState>
            ) : (
              <EmptyState title={t.noneTitle} text={t.none} />
            ))}
          {entries.length > 0 && <AuditTable entries={entries} />}
          <MoreButton {...{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
        </section>
      )}
    </div>
  )
}

interface AuditFiltersProps {
  filter: AuditFilter
  entries: AuditEntry[]
  onChange: (key: keyof AuditFilter, value: string) => void
  onClear?: () => void
}

function AuditFilters({ filter, entries, onChange, onClear }: AuditFiltersProps) {
  const t = auditTexts
  // Users of earlier responses remain selectable while a filter hides their entries.
  const seen = useRef(new Map<string, string>())
  for (const entry of entries) seen.current.set(entry.actor_id, entry.actor)
  const actors = [...seen.current].sort(([, a], [, b]) => a.localeCompare(b))
  if (filter.actor && !seen.current.has(filter.actor)) actors.push([filter.actor, filter.actor])
  const choice = (
    key: "actor" | "action" | "kind",
    label: string,
    any: string,
    options: [string, string][],
  ) => (
    <select
      className={filter[key] ? "input set" : "input"}
      aria-label={label}
      value={filter[key]}
      onChange={(event) => onChange(key, event.target.value)}
    >
      <option value="">{any}</option>
      {filter[key] && !options.some(([value]) => value === filter[key]) && (
        <option value={filter[key]}>{filter[key]}</option>
      )}
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  )
  return (
    <div className="filters open audit-filters">
      {choice("actor", t.actor, t.anybody, actors)}
      {choice("action", t.action, t.anyAction, Object.entries(t.actions))}
      {choice("kind", t.toWhat, t.anyKind, Object.entries(t.kinds))}
      <label>
        {t.since}
        <input
          type="date"
          className={filter.since ? "input set" : "input"}
          value={filter.since}
          onChange={(event) => onChange("since", event.target.value)}
        />
      </label>
      {onClear && (
        <Button small kind="quiet" onClick={onClear}>
          {t.clear}
        </Button>
      )}
    </div>
  )
}

function AuditTable({ entries }: { entries: AuditEntry[] }) {
  const t = auditTexts
  return (
    <div className="table-scroll">
      <table className="table stacked-table audit-table" data-testid="audit">
        <thead>
          <tr>
            <th>{t.at}</th>
            <th>{t.actor}</th>
            <th>{t.action}</th>
            <th>{t.address}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id} data-action={entry.action} data-kind={entry.kind}>
              <td>
                <Timestamp at={entry.at} />
              </td>
              <td data-label={t.actor}>{entry.actor}</td>
              <td className="audit-action">
                <AuditAction entry={entry} />
              </td>
              <td data-label={t.address}>
                {entry.address || <span className="faint">{t.nowhere}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Action and subject of an entry, and behind a disclosure all stored details. */
function AuditAction({ entry }: { entry: AuditEntry }) {
  const project = useProject()
  const t = auditTexts
  const to = getPath(project.id, entry)
  const name = getName(entry)
  return (
    <>
      {t.actions[entry.action] ?? entry.action} {t.the(t.kinds[entry.kind] ?? entry.kind)}{" "}
      {to ? <Link href={to}>{name}</Link> : <b>{name}</b>}
      <details className="more">
        <summary>{t.details}</summary>
        <dl className="audit-details">
          <dt>{t.id}</dt>
          <dd>
            <code>{entry.subject_id}</code>
          </dd>
          {entry.request_id && (
            <>
              <dt>{t.request}</dt>
              <dd>
                <code>{entry.request_id}</code>
              </dd>
            </>
          )}
          {Object.keys(entry.details).length > 0 && (
            <>
              <dt>{t.written}</dt>
              <dd>
                <pre>{JSON.stringify(entry.details, null, 2)}</pre>
              </dd>
            </>
          )}
        </dl>
      </details>
    </>
  )
}

/** Details that can name the subject of an entry, the best first. */
const NAME_FIELDS = ["name", "filename", "key_id", "host"]

function getName({ details, subject_id: id }: AuditEntry): string {
  const name = NAME_FIELDS.map((key) => details[key]).find(
    (value) => typeof value === "string" && value !== "",
  )
  if (typeof name === "string") return name
  return id.length > 12 ? `${id.slice(0, 8)}…` : id
}

/** Return the path of the subject's screen; undefined if it was deleted. */
function getPath(project: number, { kind, action, subject_id: id }: AuditEntry): string | null {
  if (action === "delete") return null
  if (action.endsWith("sensitive taxon")) return paths.sensitiveTaxa(project)
  switch (kind) {
    case "job":
      return paths.job(project, id)
    case "source":
      return paths.source(project, id)
    case "image":
      return paths.image(project, id)
    case "deployment":
      return paths.deployment(project, id)
    case "webhook":
      return paths.webhook(project, id)
    case "preset":
      return paths.presets(project)
    case "taxon":
    case "label":
      return paths.taxa(project)
    case "callback_key":
      return paths.integrations(project)
    case "worker":
    case "processing_service":
      return paths.workers(project)
    case "project":
      return paths.settings(project)
    default:
      return null
  }
}
