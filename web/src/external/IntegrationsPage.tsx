/** The keys that external pipelines sign with, and the signature checker. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { CallbackKey } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { integrationTabTexts } from "../projects/en"
import { IntegrationTabs } from "../projects/IntegrationTabs"
import { isOwner, useProject } from "../projects/projectContext"
import { projectsQuery } from "../projects/queries"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { CreateKeyDialog, RotateKeyDialog } from "./CallbackKeys"
import { integrationTexts } from "./en"
import { callbackKeysQuery } from "./queries"
import { SignatureChecker } from "./SignatureChecker"

export function IntegrationsPage({ part }: { part: "keys" | "check" }) {
  const project = useProject()
  const t = integrationTexts
  useEffect(() => {
    document.title = `${part === "keys" ? integrationTabTexts.title : t.checker} · ${project.name}`
  }, [part, project.name])
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{integrationTabTexts.title}</h1>
      </div>
      <IntegrationTabs part={part} />
      {part === "keys" ? <CallbackKeyList /> : <SignatureChecker />}
    </div>
  )
}

function CallbackKeyList() {
  const project = useProject()
  const { data, error, refetch } = useQuery({
    ...callbackKeysQuery(project.id),
    refetchInterval: 15_000,
  })
  const [making, setMaking] = useState(false)
  const owner = isOwner(project)
  const t = integrationTexts
  const make = owner && (
    <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
      {t.make}
    </Button>
  )
  const guide = <a href="/api/v2/docs">{integrationTexts.apiDocs}</a>
  return (
    <section aria-label={t.keys}>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && (
        <EmptyState
          title={t.noneTitle}
          text={
            <>
              {t.none} {!owner && t.onlyOwners} {t.guide} {guide}.
            </>
          }
        >
          {make}
        </EmptyState>
      )}
      {data && data.results.length > 0 && (
        <>
          <div className="list-head">
            <p className="soft">
              {t.keysText} {!owner && t.onlyOwners}
            </p>
            {make}
          </div>
          <KeyTable keys={data.results} />
          <p className="soft list-note">
            {t.sharedOff} <code>ML_HMAC_ALLOW_SHARED_SECRET=false</code>
          </p>
          <p className="soft">
            {t.guide} {guide}.
          </p>
        </>
      )}
      {making && <CreateKeyDialog onClose={() => setMaking(false)} />}
    </section>
  )
}

/** Sort keys by service, then active ones first, then newest first. */
function sortKeys(keys: CallbackKey[]): CallbackKey[] {
  const off = (key: CallbackKey) => (key.revoked_at ? 1 : 0)
  return [...keys].sort(
    (a, b) =>
      a.service.localeCompare(b.service) ||
      off(a) - off(b) ||
      b.created_at.localeCompare(a.created_at),
  )
}

/** Find the newer key that replaces this one. */
function findSuccessor(key: CallbackKey, keys: CallbackKey[]): CallbackKey | undefined {
  return keys.find(
    (one) =>
      !one.revoked_at &&
      one.service === key.service &&
      one.name === key.name &&
      one.created_at > key.created_at,
  )
}

const HOUR_MS = 3_600_000

/** Describe which key replaces this one. If both are in use, the user may need both. */
function formatReplacement(key: CallbackKey, successor: CallbackKey): string {
  const t = integrationTexts
  if (!successor.last_used_at) return t.replacing
  const quiet =
    !key.last_used_at || Date.parse(successor.last_used_at) - Date.parse(key.last_used_at) > HOUR_MS
  return quiet ? t.replaced : t.beside
}

function KeyTable({ keys }: { keys: CallbackKey[] }) {
  const project = useProject()
  const client = useQueryClient()
  const { data: projects } = useQuery(projectsQuery)
  const [rotating, setRotating] = useState<CallbackKey | null>(null)
  const [revoking, setRevoking] = useState<CallbackKey | null>(null)
  const t = integrationTexts
  const owner = isOwner(project)
  const revoke = useMutation({
    mutationFn: (key: CallbackKey) =>
      unwrap(
        api.DELETE("/api/v2/callback_keys/{key_id}", { params: { path: { key_id: key.id } } }),
      ),
    onSuccess: () => showToast(t.revokedToast),
    onSettled: () => {
      setRevoking(null)
      return client.invalidateQueries({ queryKey: ["callback_key"] })
    },
  })
  const nameOf = (id: number) =>
    projects?.results.find((one) => one.id === id)?.name ??
    (id === project.id ? project.name : String(id))
  return (
    <div className="table-scroll">
      <table className="table stacked-table">
        <thead>
          <tr>
            <th>{t.key}</th>
            <th>{t.service}</th>
            <th>{t.projects}</th>
            <th>{t.made}</th>
            <th>{t.used}</th>
            <th>{t.state}</th>
            {owner && (
              <th>
                <span className="visually-hidden">{t.actions}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sortKeys(keys).map((key) => {
            const successor = key.revoked_at ? undefined : findSuccessor(key, keys)
            return (
              <tr
                key={key.id}
                className={key.revoked_at ? "row-inactive" : undefined}
                data-key={key.key_id}
              >
                <td>
                  {key.name && <b>{key.name}</b>} <code className="faint">{key.key_id}</code>
                </td>
                <td data-label={t.service}>{key.service}</td>
                <td data-label={t.projects}>{key.projects.map(nameOf).join(", ")}</td>
                <td data-label={t.made}>
                  <Timestamp at={key.created_at} short />
                </td>
                <td data-label={t.used}>
                  <Timestamp at={key.last_used_at} short />
                </td>
                <td data-label={t.state}>
                  {key.revoked_at ? (
                    <span className="state state-off" data-state="revoked">
                      {t.revoked} <Timestamp at={key.revoked_at} short />
                    </span>
                  ) : successor ? (
                    <span className="state state-amber" data-state="replaced">
                      {formatReplacement(key, successor)}
                    </span>
                  ) : (
                    <span className="state state-good" data-state="active">
                      {t.active}
                    </span>
                  )}
                </td>
                {owner && (
                  <td className="row-actions">
                    {!key.revoked_at && (
                      <span className="actions">
                        {!successor && (
                          <Button
                            small
                            aria-label={t.rotateOne(key.key_id)}
                            onClick={() => setRotating(key)}
                          >
                            {t.rotate}
                          </Button>
                        )}
                        <Button
                          small
                          kind="danger"
                          aria-label={t.revokeOne(key.key_id)}
                          onClick={() => setRevoking(key)}
                        >
                          {t.revoke}
                        </Button>
                      </span>
                    )}
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
      {rotating && (
        <RotateKeyDialog old={rotating} nameOf={nameOf} onClose={() => setRotating(null)} />
      )}
      <Confirm
        open={revoking !== null}
        onClose={() => setRevoking(null)}
        title={t.revokeAsk(revoking?.name || (revoking?.key_id ?? ""))}
        text={t.revokeText(revoking?.key_id ?? "", (revoking?.projects ?? []).map(nameOf))}
        go={t.revokeGo}
        busy={revoke.isPending}
        onGo={() => revoking && revoke.mutate(revoking)}
      />
    </div>
  )
}
