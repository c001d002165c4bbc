import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Token, TokenScope } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Confirm, Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { Check, SelectField, TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { accountTexts, tokenTexts } from "./en"
import { apiTokensQuery } from "./queries"

export function ApiTokens() {
  const client = useQueryClient()
  const { data, error } = useQuery(apiTokensQuery)
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const t = tokenTexts
  const revoke = useMutation({
    mutationFn: (token: Token) =>
      unwrap(
        api.DELETE("/api/v2/auth/tokens/{token_id}", { params: { path: { token_id: token.id } } }),
      ),
    onSuccess: () => showToast(t.revokedToast),
    onSettled: () => {
      setRevoking(null)
      return client.invalidateQueries({ queryKey: apiTokensQuery.queryKey })
    },
  })
  const stateOf = (token: Token) =>
    token.revoked_at
      ? t.revoked
      : token.expires_at && new Date(token.expires_at) < new Date()
        ? t.expired
        : t.active
  return (
    <section className="section">
      <div className="section-head">
        <h2>{t.tokens}</h2>
        <Button small style={{ marginLeft: "auto" }} onClick={() => setMaking(true)}>
          {t.newToken}
        </Button>
      </div>
      <p className="soft" style={{ marginBottom: 8 }}>
        {t.tokensText}
      </p>
      {error && <ErrorMessage error={error} />}
      {!data && !error && <SkeletonRows rows={2} />}
      {data?.results.length === 0 && <p className="soft">{t.noTokens}</p>}
      {data && data.results.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th>{t.tokenName}</th>
                <th>{t.kind}</th>
                <th>{accountTexts.scopes}</th>
                <th>{t.state}</th>
                <th>{t.made}</th>
                <th>{t.used}</th>
                <th>{t.expires}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {data.results.map((token) => (
                <tr key={token.id}>
                  <td>
                    {token.name} <code className="faint">{token.prefix}…</code>
                  </td>
                  <td className="nowrap">
                    {t.kinds[token.kind]}
                    {token.made_by && <div className="soft small">{accountTexts.madeByToken}</div>}
                  </td>
                  <td className="nowrap">
                    {token.kind === "user"
                      ? (token.scopes?.map((scope) => accountTexts.scopeNames[scope]).join("; ") ??
                        accountTexts.everything)
                      : "–"}
                  </td>
                  <td className={token.revoked_at ? "faint" : undefined}>{stateOf(token)}</td>
                  <td className="nowrap">
                    <Timestamp at={token.created_at} short />
                  </td>
                  <td className="nowrap">
                    <Timestamp at={token.last_used_at} short />
                  </td>
                  <td className="nowrap">
                    <Timestamp at={token.expires_at} short />
                  </td>
                  <td className="number">
                    {!token.revoked_at && (
                      <Button small kind="quiet" onClick={() => setRevoking(token)}>
                        {t.revoke}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {making && <NewToken onClose={() => setMaking(false)} />}
      <Confirm
        open={revoking !== null}
        onClose={() => setRevoking(null)}
        title={t.revokeAsk(revoking?.name ?? "")}
        text={t.revokeText}
        go={t.revoke}
        busy={revoke.isPending}
        onGo={() => revoking && revoke.mutate(revoking)}
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
  const t = tokenTexts
  const make = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/auth/tokens", {
          body: {
            name: name.trim(),
            kind,
            nats: false,
            projects: onlyThis ? [project.id] : null,
            scopes: kind === "user" && scope ? [scope] : null,
            expires_at: days
              ? new Date(Date.now() + Number(days) * 86_400_000).toISOString()
              : null,
          },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: apiTokensQuery.queryKey }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={t.newToken}>
      {make.data ? (
        <div className="form">
          <p className="note">{t.shownOnce}</p>
          <CopyField text={make.data.token} />
          <div className="dialog-actions">
            <Button kind="accent" onClick={onClose}>
              {uiTexts.close}
            </Button>
          </div>
        </div>
      ) : (
        <form className="form" onSubmit={submit}>
          <TextField
            label={t.tokenName}
            required
            maxLength={255}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <SelectField
            label={t.kind}
            value={kind}
            onChange={(event) => setKind(event.target.value as Token["kind"])}
          >
            {Object.entries(t.kinds).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          {kind === "user" && (
            <SelectField
              label={accountTexts.scopes}
              value={scope}
              onChange={(event) => setScope(event.target.value as TokenScope | "")}
            >
              <option value="">{accountTexts.everything}</option>
              {Object.entries(accountTexts.scopeNames).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </SelectField>
          )}
          <SelectField
            label={t.expires}
            value={days}
            onChange={(event) => setDays(event.target.value)}
          >
            <option value="">{uiTexts.never}</option>
            {DAYS.map((count) => (
              <option key={count} value={count}>
                {t.inDays(count)}
              </option>
            ))}
          </SelectField>
          <Check
            label={t.onlyThis}
            checked={onlyThis}
            onChange={(event) => setOnlyThis(event.target.checked)}
          />
          {make.error && <ErrorMessage error={make.error} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>{uiTexts.cancel}</Button>
            <Button type="submit" kind="accent" busy={make.isPending}>
              {tokenTexts.make}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}
