/** Who has a role in the project: seen by all members, changed by owners and operators. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { useLocation } from "wouter"
import { answer, api } from "../api/client"
import { askCaller, askMembers, askProjects } from "../api/queries"
import type { Member, Role } from "../api/types"
import { isOwner, useProject } from "./project"
import { SettingsTabs } from "./SettingsTabs"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { SkeletonRows, Trouble } from "../ui/Notice"
import "../accounts/people.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { peopleWords } from "../accounts/en"

export const ROLES: Role[] = ["viewer", "reviewer", "manager", "owner"]

export function MembersPage() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: caller } = useQuery(askCaller)
  const { data, error, refetch } = useQuery(askMembers(project.id))
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Member | null>(null)
  const w = peopleWords
  useEffect(() => {
    document.title = `${w.members} · ${project.name}`
  }, [w, project.name])
  const may = isOwner(project) || (caller?.is_operator ?? false)
  const isMe = (member: Member | null) => member !== null && member.user_id === caller?.user_id
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: askMembers(project.id).queryKey })
    await client.invalidateQueries({ queryKey: askProjects.queryKey })
  }
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Role }) =>
      answer(api.PATCH("/api/v2/projects/{project_id}/members/{user_id}", { params: { path: { project_id: project.id, user_id: member.user_id } }, body: { role } })),
    onSuccess: () => toast(w.changed),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (member: Member) =>
      answer(api.DELETE("/api/v2/projects/{project_id}/members/{user_id}", { params: { path: { project_id: project.id, user_id: member.user_id } } })),
    onSuccess: async (_, member) => {
      toast(w.removed)
      if (!isMe(member)) return refresh()
      await client.invalidateQueries({ queryKey: askProjects.queryKey })
      go(paths.home)
    },
    onSettled: () => setRemoving(null),
  })
  const members = data?.results ?? []
  const nameOf = (member: Member | null) => member?.name || member?.email || w.unnamed
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{words.settings.title}</h1>
        {data && <span className="count">{w.count(members.length)}</span>}
        {may && <div className="actions"><Button kind="accent" onClick={() => setAdding(true)}>{w.add}</Button></div>}
      </div>
      <SettingsTabs part="members" />
      <section aria-label={w.members}>
        <p className="soft">{w.membersText} {!may && w.notYours}</p>
        {error && <Trouble error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows rows={3} />}
        <ul className="persons">
          {members.map((member) => (
            <li key={member.user_id} className="person" data-member={member.email ?? member.user_id}>
              <div className="person-who">
                <span className="person-name">{nameOf(member)}{isMe(member) && <span className="faint"> ({w.you})</span>}</span>
                <span className="soft small">
                  {member.name && member.email ? `${member.email} · ` : ""}{member.state !== "active" && `${w.states[member.state]} · `}<When at={member.created_at} short />
                </span>
              </div>
              {may
                ? <select className="input person-role" aria-label={w.roleOf(nameOf(member))} value={member.role} disabled={change.isPending} onChange={(event) => change.mutate({ member, role: event.target.value as Role })}>
                    {ROLES.map((role) => <option key={role} value={role}>{w.roles[role]}</option>)}
                  </select>
                : <span className="person-role">{w.roles[member.role]}</span>}
              <span className="person-acts">
                {(may || isMe(member)) && <Button small kind="quiet" aria-label={isMe(member) ? w.leave : w.removeOf(nameOf(member))} onClick={() => setRemoving(member)}>{isMe(member) ? w.leave : w.remove}</Button>}
              </span>
            </li>
          ))}
        </ul>
        {may && members.length === 1 && <p className="note note-good">{w.alone}</p>}
        <dl className="roles-key">
          {ROLES.map((role) => <div key={role}><dt>{w.roles[role]}</dt><dd className="soft">{w.may[role]}</dd></div>)}
        </dl>
      </section>
      {adding && <AddMember onClose={() => setAdding(false)} isOperator={caller?.is_operator ?? false} onDone={refresh} />}
      <Confirm
        open={removing !== null} onClose={() => setRemoving(null)} busy={remove.isPending} onGo={() => removing && remove.mutate(removing)}
        title={isMe(removing) ? w.leaveAsk : w.removeAsk(nameOf(removing))} text={isMe(removing) ? w.leaveText : w.removeText} go={isMe(removing) ? w.leave : w.remove}
      />
    </div>
  )
}

function AddMember({ onClose, isOperator, onDone }: { onClose: () => void; isOperator: boolean; onDone: () => Promise<void> }) {
  const project = useProject()
  const [email, setEmail] = useState("")
  const [role, setRole] = useState<Role>("viewer")
  const w = peopleWords
  const add = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.POST("/api/v2/projects/{project_id}/members", { params: { path: { project_id: project.id } }, body: { email: email.trim(), role } })),
    onSuccess: async () => {
      toast(w.added(email.trim()))
      onClose()
      await onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={w.add}>
      <form className="form" onSubmit={submit}>
        <TextField label={w.email} hint={isOperator ? w.addHintOperator : w.addHint} type="email" required maxLength={254} autoFocus value={email} onChange={(event) => setEmail(event.target.value)} />
        <RoleField label={w.role} value={role} onChange={setRole} />
        {add.error && <Trouble error={add.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{words.common.cancel}</Button>
          <Button type="submit" kind="accent" busy={add.isPending}>{w.addGo}</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Chooses a role and says what it may. */
export function RoleField({ label, value, onChange }: { label: string; value: Role; onChange: (role: Role) => void }) {
  const w = peopleWords
  return (
    <SelectField label={label} value={value} onChange={(event) => onChange(event.target.value as Role)}>
      {ROLES.map((role) => <option key={role} value={role}>{w.roles[role]}: {w.may[role]}</option>)}
    </SelectField>
  )
}
