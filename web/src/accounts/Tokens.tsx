/** The caller's API tokens: list, make, revoke. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { answer, api } from "../api/client"
import { askTokens } from "../api/queries"
import type { Token, TokenScope } from "../api/types"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Confirm, Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { peopleWords } from "./en"
import { useProject } from "../projects/project"

export function Tokens() {
  const client = useQueryClient()
  const { data, error } = useQuery(askTokens)
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const w = words.settings
  const revoke = useMutation({
    mutationFn: (token: Token) => answer(api.DELETE("/api/v2/auth/tokens/{token_id}", { params: { path: { token_id: token.id } } })),
    onSuccess: () => toast(w.revokedToast),
    onSettled: () => {
      setRevoking(null)
      return client.invalidateQueries({ queryKey: askTokens.queryKey })
    },
  })
  const stateOf = (token: Token) =>
    token.revoked_at ? w.revoked : token.expires_at && new Date(token.expires_at) < new Date() ? w.expired : w.active
  return (
    <section className="section">
      <div className="section-head">
        <h2>{w.tokens}</h2>
        <Button small style={{ marginLeft: "auto" }} onClick={() => setMaking(true)}>{w.newToken}</Button>
      </div>
      <p className="soft" style={{ marginBottom: 8 }}>{w.tokensText}</p>
      {error && <Trouble error={error} />}
      {!data && !error && <SkeletonRows rows={2} />}
      {data?.results.length === 0 && <p className="soft">{w.noTokens}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead><tr><th>{w.tokenName}</th><th>{w.kind}</th><th>{peopleWords.scopes}</th><th>{w.state}</th><th>{w.made}</th><th>{w.used}</th><th>{w.expires}</th><th /></tr></thead>
            <tbody>
              {data.results.map((token) => (
                <tr key={token.id}>
                  <td>{token.name} <code className="faint">{token.prefix}…</code></td>
                  <td className="nowrap">{w.kinds[token.kind]}{token.made_by && <div className="soft small">{peopleWords.madeByToken}</div>}</td>
                  <td className="nowrap">{token.kind === "user" ? (token.scopes?.map((scope) => peopleWords.scopeNames[scope]).join("; ") ?? peopleWords.everything) : "–"}</td>
                  <td className={token.revoked_at ? "faint" : undefined}>{stateOf(token)}</td>
                  <td className="nowrap"><When at={token.created_at} short /></td>
                  <td className="nowrap"><When at={token.last_used_at} short /></td>
                  <td className="nowrap"><When at={token.expires_at} short /></td>
                  <td className="number">{!token.revoked_at && <Button small kind="quiet" onClick={() => setRevoking(token)}>{w.revoke}</Button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {making && <NewToken onClose={() => setMaking(false)} />}
      <Confirm
        open={revoking !== null} onClose={() => setRevoking(null)} title={w.revokeAsk(revoking?.name ?? "")} text={w.revokeText} go={w.revoke}
        busy={revoke.isPending} onGo={() => revoking && revoke.mutate(revoking)}
      />
    </section>
  )
}

const DAYS = [30, 90, 365]

function NewToken({ onClose }: { onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const [name, setName] = useState("")
  const [kind, setKind] = useState<Token["kind"]>("user")
  const [days, setDays] = useState("")
  const [scope, setScope] = useState<TokenScope | "">("")
  const [onlyThis, setOnlyThis] = useState(true)
  const w = words.settings
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      answer(api.POST("/api/v2/auth/tokens", {
        body: {
          name: name.trim(), kind, projects: onlyThis ? [project.id] : null, scopes: kind === "user" && scope ? [scope] : null,
          expires_at: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null,
        },
      })),
    onSuccess: () => client.invalidateQueries({ queryKey: askTokens.queryKey }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.newToken}>
      {make.data ? (
        <div className="form">
          <p className="note">{w.shownOnce}</p>
          <Copyable text={make.data.token} />
          <div className="dialog-actions"><Button kind="accent" onClick={onClose}>{words.common.close}</Button></div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField label={w.tokenName} required maxLength={255} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField label={w.kind} value={kind} onChange={(event) => setKind(event.target.value as Token["kind"])}>
            {Object.entries(w.kinds).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </SelectField>
          {kind === "user" && (
            <SelectField label={peopleWords.scopes} value={scope} onChange={(event) => setScope(event.target.value as TokenScope | "")}>
              <option value="">{peopleWords.everything}</option>
              {Object.entries(peopleWords.scopeNames).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </SelectField>
          )}
          <SelectField label={w.expires} value={days} onChange={(event) => setDays(event.target.value)}>
            <option value="">{words.common.never}</option>
            {DAYS.map((count) => <option key={count} value={count}>{w.inDays(count)}</option>)}
          </SelectField>
          <Check label={w.onlyThis} checked={onlyThis} onChange={(event) => setOnlyThis(event.target.checked)} />
          {make.error && <Trouble error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{words.common.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>{words.worker.make}</Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
