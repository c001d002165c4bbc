/** What speaks with the project from outside: the keys that outside pipelines sign with, and the checker of signatures. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askCallbackKeys, askProjects } from "../api/queries"
import type { CallbackKey } from "../api/types"
import { MakeKey, RotateKey } from "./CallbackKeys"
import { IntegrationTabs } from "./IntegrationTabs"
import { isOwner, useProject } from "../projects/project"
import { SignatureChecker } from "./SignatureChecker"
import { Button } from "../ui/Button"
import { Confirm } from "../ui/Dialog"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"

export function IntegrationsPage({ part }: { part: "keys" | "check" }) {
  const project = useProject()
  const w = words.integration
  useEffect(() => {
    document.title = `${part === "keys" ? w.title : w.checker} · ${project.name}`
  }, [w, part, project.name])
  return (
    <div className="narrow">
      <div className="page-head"><h1>{w.title}</h1></div>
      <IntegrationTabs part={part} />
      {part === "keys" ? <Keys /> : <SignatureChecker />}
    </div>
  )
}

function Keys() {
  const project = useProject()
  const { data, error, refetch } = useQuery({ ...askCallbackKeys(project.id), refetchInterval: 15_000 })
  const [making, setMaking] = useState(false)
  const owner = isOwner(project)
  const w = words.integration
  const make = owner && <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>{w.make}</Button>
  const guide = <a href="/api/v2/docs">{words.nav.apiDocs}</a>
  return (
    <section aria-label={w.keys}>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows />}
      {data?.results.length === 0 && (
        <Empty title={w.noneTitle} text={<>{w.none} {!owner && w.onlyOwners} {w.guide} {guide}.</>}>{make}</Empty>
      )}
      {data && data.results.length > 0 && (
        <>
          <div className="keys-head">
            <p className="soft">{w.keysText} {!owner && w.onlyOwners}</p>
            {make}
          </div>
          <KeyTable keys={data.results} />
          <p className="soft keys-note">{w.sharedOff} <code>ML_HMAC_ALLOW_SHARED_SECRET=false</code></p>
          <p className="soft">{w.guide} {guide}.</p>
        </>
      )}
      {making && <MakeKey onClose={() => setMaking(false)} />}
    </section>
  )
}

/** Keys that belong together stand together: those of a service, the active ones first, the newest first. */
function inOrder(keys: CallbackKey[]): CallbackKey[] {
  const off = (key: CallbackKey) => (key.revoked_at ? 1 : 0)
  return [...keys].sort((a, b) => a.service.localeCompare(b.service) || off(a) - off(b) || b.created_at.localeCompare(a.created_at))
}

/** The newer key that takes the place of this one, if there is one. */
function findSuccessor(key: CallbackKey, keys: CallbackKey[]): CallbackKey | undefined {
  return keys.find((one) => !one.revoked_at && one.service === key.service && one.name === key.name && one.created_at > key.created_at)
}

const HOUR_MS = 3_600_000

/** What stands beside a key whose place a newer one takes; two that are both in use may be meant to be two. */
function sayReplaced(key: CallbackKey, successor: CallbackKey): string {
  const w = words.integration
  if (!successor.last_used_at) return w.replacing
  const quiet = !key.last_used_at || Date.parse(successor.last_used_at) - Date.parse(key.last_used_at) > HOUR_MS
  return quiet ? w.replaced : w.beside
}

function KeyTable({ keys }: { keys: CallbackKey[] }) {
  const project = useProject()
  const client = useQueryClient()
  const { data: projects } = useQuery(askProjects)
  const [rotating, setRotating] = useState<CallbackKey | null>(null)
  const [revoking, setRevoking] = useState<CallbackKey | null>(null)
  const w = words.integration
  const owner = isOwner(project)
  const revoke = useMutation({
    mutationFn: (key: CallbackKey) => answer(api.DELETE("/api/v2/callback_keys/{key_id}", { params: { path: { key_id: key.id } } })),
    onSuccess: () => toast(w.revokedToast),
    onSettled: () => {
      setRevoking(null)
      return client.invalidateQueries({ queryKey: ["callback_key"] })
    },
  })
  const nameOf = (id: number) => projects?.results.find((one) => one.id === id)?.name ?? (id === project.id ? project.name : String(id))
  return (
    <div className="table-scroll">
      <table className="table keys-table">
        <thead><tr><th>{w.key}</th><th>{w.service}</th><th>{w.projects}</th><th>{w.made}</th><th>{w.used}</th><th>{w.state}</th>{owner && <th><span className="visually-hidden">{w.actions}</span></th>}</tr></thead>
        <tbody>
          {inOrder(keys).map((key) => {
            const successor = key.revoked_at ? undefined : findSuccessor(key, keys)
            return (
              <tr key={key.id} className={key.revoked_at ? "key-off" : undefined} data-key={key.key_id}>
                <td>{key.name && <b>{key.name}</b>} <code className="faint">{key.key_id}</code></td>
                <td data-label={w.service}>{key.service}</td>
                <td data-label={w.projects}>{key.projects.map(nameOf).join(", ")}</td>
                <td data-label={w.made}><When at={key.created_at} short /></td>
                <td data-label={w.used}><When at={key.last_used_at} short /></td>
                <td data-label={w.state}>
                  {key.revoked_at ? <span className="state state-off" data-state="revoked">{w.revoked} <When at={key.revoked_at} short /></span>
                    : successor ? <span className="state state-amber" data-state="replaced">{sayReplaced(key, successor)}</span>
                      : <span className="state state-good" data-state="active">{w.active}</span>}
                </td>
                {owner && (
                  <td className="key-actions">
                    {!key.revoked_at && (
                      <span className="actions">
                        {!successor && <Button small aria-label={w.rotateOne(key.key_id)} onClick={() => setRotating(key)}>{w.rotate}</Button>}
                        <Button small kind="danger" aria-label={w.revokeOne(key.key_id)} onClick={() => setRevoking(key)}>{w.revoke}</Button>
                      </span>
                    )}
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
      {rotating && <RotateKey old={rotating} nameOf={nameOf} onClose={() => setRotating(null)} />}
      <Confirm
        open={revoking !== null} onClose={() => setRevoking(null)} title={w.revokeAsk(revoking?.name || (revoking?.key_id ?? ""))}
        text={w.revokeText(revoking?.key_id ?? "", (revoking?.projects ?? []).map(nameOf))} go={w.revokeGo} busy={revoke.isPending} onGo={() => revoking && revoke.mutate(revoking)}
      />
    </div>
  )
}
