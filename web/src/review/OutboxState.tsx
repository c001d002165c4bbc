/** How many decisions wait to be sent and were refused; the list of them, with what can be done. */
import { CloudUpload, TriangleAlert } from "lucide-react"
import { useState } from "react"
import { Link } from "wouter"
import type { Decision } from "./decisions"
import { discard, sendAgain, takeBack, wake } from "./outbox"
import { describe, useOutbox } from "./useOutbox"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { outboxWords as w } from "./en.outbox"
import "./outbox.css"

const SHOWN = 50

export function OutboxState() {
  const { waiting, refused, trouble } = useOutbox()
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  if (waiting + refused === 0 && !open) return null
  const state = refused > 0 ? "refused" : trouble ? "held" : "sending"
  return (
    <>
      {waiting + refused > 0 && (
        <button type="button" className={`outbox outbox-${state}`} data-testid="outbox" aria-label={w.label(waiting, refused)} onClick={() => setOpen(true)}>
          {refused > 0 ? <TriangleAlert size={15} aria-hidden /> : <CloudUpload size={15} aria-hidden />}
          <span>{[waiting ? w.waiting(waiting) : "", refused ? w.refused(refused) : ""].filter(Boolean).join(", ")}</span>
        </button>
      )}
      <Dialog open={open} onClose={close} title={w.title} wide><Lists onLeave={close} /></Dialog>
    </>
  )
}

function Lists({ onLeave }: { onLeave: () => void }) {
  const { decisions, waiting, trouble } = useOutbox()
  const refused = decisions.filter((one) => one.state === "refused")
  const unsent = decisions.filter((one) => one.state === "waiting")
  const state = trouble === null ? w.sending(waiting) : trouble.status === 0 ? w.unreachable(waiting) : w.busy(waiting, trouble.status)
  return (
    <div className="outbox-lists">
      {refused.length > 0 && (
        <section>
          <h3>{w.refusedTitle}</h3>
          <p className="soft small">{w.refusedHint}</p>
          <List decisions={refused} onLeave={onLeave} />
        </section>
      )}
      <section>
        <h3>{w.waitingTitle}</h3>
        <p role="status">{state}</p>
        {waiting > 0 && <p className="soft small">{w.kept}</p>}
        <List decisions={unsent} onLeave={onLeave} />
        {waiting > 0 && <Button small onClick={() => wake(true)}>{w.now}</Button>}
      </section>
    </div>
  )
}

function List({ decisions, onLeave }: { decisions: Decision[]; onLeave: () => void }) {
  return (
    <ul className="outbox-list">
      {decisions.slice(0, SHOWN).map((one) => <Line key={one.key} one={one} onLeave={onLeave} />)}
      {decisions.length > SHOWN && <li className="soft">{w.more(decisions.length - SHOWN)}</li>}
    </ul>
  )
}

function Line({ one, onLeave }: { one: Decision; onLeave: () => void }) {
  const isRefused = one.state === "refused"
  return (
    <li data-decision={one.state}>
      <p><strong>{describe(one)}</strong> <Link href={paths.image(one.project, one.image)} onClick={onLeave}>{one.filename}</Link></p>
      {isRefused && <p className="red small">{one.refusal?.why || w.noReason(one.refusal?.status ?? 0)}</p>}
      <p className="actions">
        {isRefused && <Button small onClick={() => void sendAgain(one.key)}>{w.sendAgain}</Button>}
        {(isRefused || one.attempts === 0) && <Button small kind="quiet" onClick={() => void (isRefused ? discard(one.key) : takeBack(one.key))}>{w.discard}</Button>}
      </p>
    </li>
  )
}
