/** All user accounts, for operators: invite, create a link to reset the password, deactivate. */

import * as Ariakit from "@ariakit/react"
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Ellipsis } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { OneTimeLink, Role, User, UserChange } from "../api/types"
import { isOwner, useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { Confirm, Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import "../projects/users.css"
import { callerQuery } from "../api/session"
import { ErrorMessage } from "../errors/ErrorMessage"
import { memberTexts, settingsTexts } from "../projects/en"
import { ROLES } from "../projects/MembersPage"
import { SourceFolders } from "../sources/SourceFolders"
import { formatInSentence, uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { accountTexts } from "./en"
import { usersQuery } from "./queries"

export function UsersPage() {
  const project = useProject()
  const client = useQueryClient()
  const { data: caller } = useQuery(callerQuery)
  const operator = caller?.is_operator ?? false
  const { data, error, refetch } = useQuery({ ...usersQuery, enabled: operator })
  const [inviting, setInviting] = useState(false)
  const [link, setLink] = useState<OneTimeLink | null>(null)
  const [leaving, setLeaving] = useState<User | null>(null)
  const t = accountTexts
  useEffect(() => {
    document.title = `${t.people} · ${project.name}`
  }, [project.name])
  const refresh = () => client.invalidateQueries({ queryKey: usersQuery.queryKey })
  const change = useMutation({
    mutationFn: ({ user, body }: { user: User; body: UserChange }) =>
      unwrap(
        api.PATCH("/api/v2/users/{user_id}", { params: { path: { user_id: user.id } }, body }),
      ),
    onSuccess: (user, { body }) => {
      if (body.deactivated !== undefined)
        showToast(body.deactivated ? t.deactivated(user.email) : t.reactivated(user.email))
      else showToast(settingsTexts.saved)
    },
    onSettled: () => {
      setLeaving(null)
      return refresh()
    },
  })
  const reset = useMutation({
    mutationFn: (user: User) =>
      unwrap(api.POST("/api/v2/users/{user_id}/link", { params: { path: { user_id: user.id } } })),
    onSuccess: setLink,
  })
  const users = data?.results ?? []
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
        {data && <span className="count">{t.countPeople(data.count)}</span>}
        {operator && (
          <div className="actions">
            <Button kind="accent" onClick={() => setInviting(true)}>
              {t.invite}
            </Button>
          </div>
        )}
      </div>
      <SettingsTabs part="people" />
      {!operator ? (
        <EmptyState title={t.people} text={t.onlyOperators} />
      ) : (
        <section aria-label={t.people}>
          <p className="soft">{t.peopleText}</p>
          {error && <ErrorMessage error={error} retry={() => void refetch()} />}
          {!data && !error && <SkeletonRows rows={3} />}
          <ul className="user-list">
            {users.map((user) => (
              <li key={user.id} className="user-row" data-user={user.email}>
                <div className="user-identity">
                  <span className="user-name">
                    {user.name || user.email}
                    {user.id === caller?.user_id && <span className="faint"> ({t.you})</span>}
                    {user.is_operator && <span className="badge">{t.operator}</span>}
                  </span>
                  <span className="soft small">{user.name ? user.email : t.unnamed}</span>
                  <span className="soft small">
                    {user.memberships
                      .map(
                        (one) =>
                          `${one.project_name} (${formatInSentence(memberTexts.roles[one.role] ?? one.role)})`,
                      )
                      .join(", ")}
                  </span>
                </div>
                <span className="person-role small">
                  <span className={user.state === "active" ? undefined : "faint"}>
                    {memberTexts.states[user.state]}
                  </span>
                  {user.last_seen_at && (
                    <span className="soft">
                      {" "}
                      · <Timestamp at={user.last_seen_at} short />
                    </span>
                  )}
                </span>
                <span className="user-actions">
                  <UserActions
                    user={user}
                    isMe={user.id === caller?.user_id}
                    onReset={() => reset.mutate(user)}
                    onDeactivate={() => setLeaving(user)}
                    onChange={(body) => change.mutate({ user, body })}
                  />
                </span>
              </li>
            ))}
          </ul>
          {users.length === 1 && <p className="note note-good">{t.onlyYou}</p>}
          <SourceFolders />
        </section>
      )}
      {inviting && (
        <InviteDialog
          onClose={() => setInviting(false)}
          onDone={(made) => {
            setInviting(false)
            setLink(made)
            void refresh()
          }}
        />
      )}
      {link && (
        <Dialog open onClose={() => setLink(null)} title={t.linkTitle}>
          <div className="form">
            <p className="note">{t.linkText}</p>
            <CopyField text={link.url} />
            <p className="soft small">
              {t.linkUntil} <Timestamp at={link.expires_at} />
            </p>
            <div className="dialog-actions">
              <Button kind="accent" onClick={() => setLink(null)}>
                {uiTexts.close}
              </Button>
            </div>
          </div>
        </Dialog>
      )}
      <Confirm
        open={leaving !== null}
        onClose={() => setLeaving(null)}
        title={t.deactivateAsk(leaving?.name || leaving?.email || "")}
        text={t.deactivateText}
        go={t.deactivate}
        busy={change.isPending}
        onGo={() => leaving && change.mutate({ user: leaving, body: { deactivated: true } })}
      />
    </div>
  )
}

interface UserActionsProps {
  user: User
  isMe: boolean
  onReset: () => void
  onDeactivate: () => void
  onChange: (body: UserChange) => void
}

function UserActions({ user, isMe, onReset, onDeactivate, onChange }: UserActionsProps) {
  const t = accountTexts
  const name = user.name || user.email
  if (user.state === "deactivated")
    return (
      <Button small onClick={() => onChange({ deactivated: false })}>
        {t.reactivate}
      </Button>
    )
  return (
    <Ariakit.MenuProvider placement="bottom-end">
      <Ariakit.MenuButton className="icon-button" aria-label={t.more(name)}>
        <Ellipsis size={18} />
      </Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={6} portal>
        <Ariakit.MenuItem className="menu-item" onClick={onReset}>
          {t.reset}
        </Ariakit.MenuItem>
        <Ariakit.MenuItem
          className="menu-item"
          onClick={() => onChange({ is_operator: !user.is_operator })}
        >
          {user.is_operator ? t.unmakeOperator : t.grantOperator}
        </Ariakit.MenuItem>
        {!isMe && (
          <Ariakit.MenuItem className="menu-item" onClick={onDeactivate}>
            {t.deactivate}
          </Ariakit.MenuItem>
        )}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}

function InviteDialog({
  onClose,
  onDone,
}: {
  onClose: () => void
  onDone: (link: OneTimeLink) => void
}) {
  const project = useProject()
  const [email, setEmail] = useState("")
  const [name, setName] = useState("")
  const [role, setRole] = useState<Role | "">(isOwner(project) ? "viewer" : "")
  const [operator, setOperator] = useState(false)
  const t = accountTexts
  const invite = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/users", {
          body: {
            email: email.trim(),
            name: name.trim(),
            is_operator: operator,
            memberships: role ? [{ project: project.id, role }] : [],
          },
        }),
      ),
    onSuccess: (user) => onDone(user.link),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    invite.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={t.invite}>
      <form className="form" onSubmit={submit}>
        <TextField
          label={t.email}
          type="email"
          required
          maxLength={254}
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <TextField
          label={`${t.inviteName} (${uiTexts.optional})`}
          maxLength={255}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label={t.inviteRole(project.name)}
          value={role}
          onChange={(event) => setRole(event.target.value as Role | "")}
        >
          <option value="">{t.noRole}</option>
          {ROLES.map((one) => (
            <option key={one} value={one}>
              {memberTexts.roles[one]}: {memberTexts.may[one]}
            </option>
          ))}
        </SelectField>
        <Check
          label={
            <>
              {t.operator} <span className="soft">{t.operatorText}</span>
            </>
          }
          checked={operator}
          onChange={(event) => setOperator(event.target.checked)}
        />
        {invite.error && <ErrorMessage error={invite.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button type="submit" kind="accent" busy={invite.isPending}>
            {t.inviteGo}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
