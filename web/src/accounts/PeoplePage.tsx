/** Everybody's accounts, for operators: invite, reset by a link, deactivate. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import * as Ariakit from "@ariakit/react"
import { Ellipsis } from "lucide-react"
import { type FormEvent, useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askCaller, askUsers } from "../api/queries"
import type { OneTimeLink, Role, User, UserChange } from "../api/types"
import { isOwner, useProject } from "../projects/project"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Confirm, Dialog } from "../ui/Dialog"
import { Check, SelectField, TextField } from "../ui/Field"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import "./people.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { SourceFolders } from "../sources/SourceFolders"
import { peopleWords } from "./en"
import { ROLES } from "../projects/MembersPage"

export function PeoplePage() {
  const project = useProject()
  const client = useQueryClient()
  const { data: caller } = useQuery(askCaller)
  const operator = caller?.is_operator ?? false
  const { data, error, refetch } = useQuery({ ...askUsers, enabled: operator })
  const [inviting, setInviting] = useState(false)
  const [link, setLink] = useState<OneTimeLink | null>(null)
  const [leaving, setLeaving] = useState<User | null>(null)
  const w = peopleWords
  useEffect(() => {
    document.title = `${w.people} · ${project.name}`
  }, [w, project.name])
  const refresh = () => client.invalidateQueries({ queryKey: askUsers.queryKey })
  const change = useMutation({
    mutationFn: ({ user, body }: { user: User; body: UserChange }) =>
      answer(api.PATCH("/api/v2/users/{user_id}", { params: { path: { user_id: user.id } }, body })),
    onSuccess: (user, { body }) => {
      if (body.deactivated !== undefined) toast(body.deactivated ? w.deactivated(user.email) : w.reactivated(user.email))
      else toast(words.settings.saved)
    },
    onSettled: () => {
      setLeaving(null)
      return refresh()
    },
  })
  const reset = useMutation({
    mutationFn: (user: User) => answer(api.POST("/api/v2/users/{user_id}/link", { params: { path: { user_id: user.id } } })),
    onSuccess: setLink,
  })
  const users = data?.results ?? []
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{words.settings.title}</h1>
        {data && <span className="count">{w.countPeople(data.count)}</span>}
        {operator && <div className="actions"><Button kind="accent" onClick={() => setInviting(true)}>{w.invite}</Button></div>}
      </div>
      <SettingsTabs part="people" />
      {!operator ? <Empty title={w.people} text={w.onlyOperators} /> : (
        <section aria-label={w.people}>
          <p className="soft">{w.peopleText}</p>
          {error && <Trouble error={error} retry={() => void refetch()} />}
          {!data && !error && <SkeletonRows rows={3} />}
          <ul className="persons">
            {users.map((user) => (
              <li key={user.id} className="person" data-user={user.email}>
                <div className="person-who">
                  <span className="person-name">
                    {user.name || user.email}{user.id === caller?.user_id && <span className="faint"> ({w.you})</span>}
                    {user.is_operator && <span className="badge">{w.operator}</span>}
                  </span>
                  <span className="soft small">{user.name ? user.email : w.unnamed}</span>
                  <span className="soft small">{user.memberships.map((one) => `${one.project_name} (${w.roles[one.role]?.toLowerCase()})`).join(", ")}</span>
                </div>
                <span className="person-role small">
                  <span className={user.state === "active" ? undefined : "faint"}>{w.states[user.state]}</span>
                  {user.last_seen_at && <span className="soft"> · <When at={user.last_seen_at} short /></span>}
                </span>
                <span className="person-acts">
                  <Acts
                    user={user} isMe={user.id === caller?.user_id} onReset={() => reset.mutate(user)} onDeactivate={() => setLeaving(user)}
                    onChange={(body) => change.mutate({ user, body })}
                  />
                </span>
              </li>
            ))}
          </ul>
          {users.length === 1 && <p className="note note-good">{w.onlyYou}</p>}
          <SourceFolders />
        </section>
      )}
      {inviting && <Invite onClose={() => setInviting(false)} onDone={(made) => {
        setInviting(false)
        setLink(made)
        void refresh()
      }} />}
      {link && (
        <Dialog open onClose={() => setLink(null)} title={w.linkTitle}>
          <div className="form">
            <p className="note">{w.linkText}</p>
            <Copyable text={link.url} />
            <p className="soft small">{w.linkUntil} <When at={link.expires_at} /></p>
            <div className="dialog-actions"><Button kind="accent" onClick={() => setLink(null)}>{words.common.close}</Button></div>
          </div>
        </Dialog>
      )}
      <Confirm
        open={leaving !== null} onClose={() => setLeaving(null)} title={w.deactivateAsk(leaving?.name || leaving?.email || "")} text={w.deactivateText} go={w.deactivate}
        busy={change.isPending} onGo={() => leaving && change.mutate({ user: leaving, body: { deactivated: true } })}
      />
    </div>
  )
}

interface ActsProps {
  user: User
  isMe: boolean
  onReset: () => void
  onDeactivate: () => void
  onChange: (body: UserChange) => void
}

function Acts({ user, isMe, onReset, onDeactivate, onChange }: ActsProps) {
  const w = peopleWords
  const name = user.name || user.email
  if (user.state === "deactivated") return <Button small onClick={() => onChange({ deactivated: false })}>{w.reactivate}</Button>
  return (
    <Ariakit.MenuProvider placement="bottom-end">
      <Ariakit.MenuButton className="icon-button" aria-label={w.more(name)}><Ellipsis size={18} /></Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={6} portal>
        <Ariakit.MenuItem className="menu-item" onClick={onReset}>{w.reset}</Ariakit.MenuItem>
        <Ariakit.MenuItem className="menu-item" onClick={() => onChange({ is_operator: !user.is_operator })}>{user.is_operator ? w.unmakeOperator : w.makeOperator}</Ariakit.MenuItem>
        {!isMe && <Ariakit.MenuItem className="menu-item" onClick={onDeactivate}>{w.deactivate}</Ariakit.MenuItem>}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}

function Invite({ onClose, onDone }: { onClose: () => void; onDone: (link: OneTimeLink) => void }) {
  const project = useProject()
  const [email, setEmail] = useState("")
  const [name, setName] = useState("")
  const [role, setRole] = useState<Role | "">(isOwner(project) ? "viewer" : "")
  const [operator, setOperator] = useState(false)
  const w = peopleWords
  const invite = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      answer(api.POST("/api/v2/users", {
        body: { email: email.trim(), name: name.trim(), is_operator: operator, memberships: role ? [{ project: project.id, role }] : [] },
      })),
    onSuccess: (user) => onDone(user.link),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    invite.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.invite}>
      <form className="form" onSubmit={submit}>
        <TextField label={w.email} type="email" required maxLength={254} autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        <TextField label={`${w.inviteName} (${words.common.optional})`} maxLength={255} value={name} onChange={(event) => setName(event.target.value)} />
        <SelectField label={w.inviteRole(project.name)} value={role} onChange={(event) => setRole(event.target.value as Role | "")}>
          <option value="">{w.noRole}</option>
          {ROLES.map((one) => <option key={one} value={one}>{w.roles[one]}: {w.may[one]}</option>)}
        </SelectField>
        <Check label={<>{w.operator} <span className="soft">{w.operatorText}</span></>} checked={operator} onChange={(event) => setOperator(event.target.checked)} />
        {invite.error && <Trouble error={invite.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{words.common.cancel}</Button>
          <Button type="submit" kind="accent" busy={invite.isPending}>{w.inviteGo}</Button>
        </div>
      </form>
    </Dialog>
  )
}
