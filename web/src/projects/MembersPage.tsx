/**
 * The members of a project with their roles. All members see it; owners and operators can change
 * it.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useEffect, useState } from "react"
import { useLocation } from "wouter"
import { api, unwrap } from "../api/client"
import type { Member, Role } from "../api/types"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SelectField, TextField } from "../ui/Field"
import { SkeletonRows } from "../ui/feedback"
import { isOwner, useProject } from "./projectContext"
import { SettingsTabs } from "./SettingsTabs"
import "./users.css"
import { callerQuery } from "../api/session"
import { ErrorMessage } from "../errors/ErrorMessage"
import { uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { memberTexts, settingsTexts } from "./en"
import { membersQuery, projectsQuery } from "./queries"

export const ROLES: Role[] = ["viewer", "reviewer", "manager", "owner"]

export function MembersPage() {
  const project = useProject()
  const client = useQueryClient()
  const [, go] = useLocation()
  const { data: caller } = useQuery(callerQuery)
  const { data, error, refetch } = useQuery(membersQuery(project.id))
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Member | null>(null)
  const t = memberTexts
  useEffect(() => {
    document.title = `${t.members} · ${project.name}`
  }, [project.name])
  const may = isOwner(project) || (caller?.is_operator ?? false)
  const isMe = (member: Member | null) => member !== null && member.user_id === caller?.user_id
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: membersQuery(project.id).queryKey })
    await client.invalidateQueries({ queryKey: projectsQuery.queryKey })
  }
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Role }) =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}/members/{user_id}", {
          params: { path: { project_id: project.id, user_id: member.user_id } },
          body: { role },
        }),
      ),
    onSuccess: () => showToast(t.changed),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (member: Member) =>
      unwrap(
        api.DELETE("/api/v2/projects/{project_id}/members/{user_id}", {
          params: { path: { project_id: project.id, user_id: member.user_id } },
        }),
      ),
    onSuccess: async (_, member) => {
      showToast(t.removed)
      if (!isMe(member)) return refresh()
      await client.invalidateQueries({ queryKey: projectsQuery.queryKey })
      go(paths.home)
    },
    onSettled: () => setRemoving(null),
  })
  const members = data?.results ?? []
  const nameOf = (member: Member | null) => member?.name || member?.email || t.unnamed
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
        {data && <span className="count">{t.count(members.length)}</span>}
        {may && (
          <div className="actions">
            <Button kind="accent" onClick={() => setAdding(true)}>
              {t.add}
            </Button>
          </div>
        )}
      </div>
      <SettingsTabs part="members" />
      <section aria-label={t.members}>
        <p className="soft">
          {t.membersText} {!may && t.notYours}
        </p>
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows rows={3} />}
        <ul className="user-list">
          {members.map((member) => (
            <li
              key={member.user_id}
              className="user-row"
              data-member={member.email ?? member.user_id}
            >
              <div className="user-identity">
                <span className="user-name">
                  {nameOf(member)}
                  {isMe(member) && <span className="faint"> ({t.you})</span>}
                </span>
                <span className="soft small">
                  {member.name && member.email ? `${member.email} · ` : ""}
                  {member.state !== "active" && `${t.states[member.state]} · `}
                  <Timestamp at={member.created_at} short />
                </span>
              </div>
              {may ? (
                <select
                  className="input person-role"
                  aria-label={t.roleOf(nameOf(member))}
                  value={member.role}
                  disabled={change.isPending}
                  onChange={(event) => change.mutate({ member, role: event.target.value as Role })}
                >
                  {ROLES.map((role) => (
                    <option key={role} value={role}>
                      {t.roles[role]}
                    </option>
                  ))}
                </select>
              ) : (
                <span className="person-role">{t.roles[member.role]}</span>
              )}
              <span className="user-actions">
                {(may || isMe(member)) && (
                  <Button
                    small
                    kind="quiet"
                    aria-label={isMe(member) ? t.leave : t.removeOf(nameOf(member))}
                    onClick={() => setRemoving(member)}
                  >
                    {isMe(member) ? t.leave : t.remove}
                  </Button>
                )}
              </span>
            </li>
          ))}
        </ul>
        {may && members.length === 1 && <p className="note note-good">{t.alone}</p>}
        <dl className="role-legend">
          {ROLES.map((role) => (
            <div key={role}>
              <dt>{t.roles[role]}</dt>
              <dd className="soft">{t.may[role]}</dd>
            </div>
          ))}
        </dl>
      </section>
      {adding && (
        <AddMember
          onClose={() => setAdding(false)}
          isOperator={caller?.is_operator ?? false}
          onDone={refresh}
        />
      )}
      <Confirm
        open={removing !== null}
        onClose={() => setRemoving(null)}
        busy={remove.isPending}
        onGo={() => removing && remove.mutate(removing)}
        title={isMe(removing) ? t.leaveAsk : t.removeAsk(nameOf(removing))}
        text={isMe(removing) ? t.leaveText : t.removeText}
        go={isMe(removing) ? t.leave : t.remove}
      />
    </div>
  )
}

function AddMember({
  onClose,
  isOperator,
  onDone,
}: {
  onClose: () => void
  isOperator: boolean
  onDone: () => Promise<void>
}) {
  const project = useProject()
  const [email, setEmail] = useState("")
  const [role, setRole] = useState<Role>("viewer")
  const t = memberTexts
  const add = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.POST("/api/v2/projects/{project_id}/members", {
          params: { path: { project_id: project.id } },
          body: { email: email.trim(), role },
        }),
      ),
    onSuccess: async () => {
      showToast(t.added(email.trim()))
      onClose()
      await onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <Dialog open onClose={onClose} title={t.add}>
      <form className="form" onSubmit={submit}>
        <TextField
          label={t.email}
          hint={isOperator ? t.addHintOperator : t.addHint}
          type="email"
          required
          maxLength={254}
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <RoleField label={t.role} value={role} onChange={setRole} />
        {add.error && <ErrorMessage error={add.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button type="submit" kind="accent" busy={add.isPending}>
            {t.addGo}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Selects a role and describes its permissions. */
export function RoleField({
  label,
  value,
  onChange,
}: {
  label: string
  value: Role
  onChange: (role: Role) => void
}) {
  const t = memberTexts
  return (
    <SelectField
      label={label}
      value={value}
      onChange={(event) => onChange(event.target.value as Role)}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t.roles[role]}: {t.may[role]}
        </option>
      ))}
    </SelectField>
  )
}
