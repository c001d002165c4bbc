/** The number of decisions that are queued or were refused, and the list of them with actions. */
import { CloudUpload, TriangleAlert } from "lucide-react"
import { useState } from "react"
import { Link } from "wouter"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { BoxConflictView } from "./BoxConflictView"
import type { Decision } from "./decisions"
import { discard, retry, undo, wake } from "./outbox"
import { formatDecision, useOutbox } from "./useOutbox"
import "./outbox.css"
import { outboxTexts as t } from "./outbox/en"
import { listTogether } from "./outboxState"

const MAX_SHOWN = 50

export function OutboxStatus() {
  const { waiting, refused, trouble } = useOutbox()
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  if (waiting + refused === 0 && !open) return null
  const state = refused > 0 ? "refused" : trouble ? "held" : "sending"
  return (
    <>
      {waiting + refused > 0 && (
        <button
          type="button"
          className={`outbox outbox-${state}`}
          data-testid="outbox"
          aria-label={t.label(waiting, refused)}
          onClick={() => setOpen(true)}
        >
          {refused > 0 ? (
            <TriangleAlert size={15} aria-hidden />
          ) : (
            <CloudUpload size={15} aria-hidden />
          )}
          <span>
            {[waiting ? t.waiting(waiting) : "", refused ? t.refused(refused) : ""]
              .filter(Boolean)
              .join(", ")}
          </span>
        </button>
      )}
      <Dialog open={open} onClose={close} title={t.title} wide>
        <DecisionLists onLeave={close} />
      </Dialog>
    </>
  )
}

function DecisionLists({ onLeave }: { onLeave: () => void }) {
  const { decisions, waiting, trouble } = useOutbox()
  const refused = decisions.filter((one) => one.state === "refused")
  const unsent = decisions.filter((one) => one.state === "waiting")
  const state =
    trouble === null
      ? t.sending(waiting)
      : trouble.status === 0
        ? t.unreachable(waiting)
        : t.busy(waiting, trouble.status)
  return (
    <div className="outbox-lists">
      {refused.length > 0 && (
        <section>
          <h3>{t.refusedTitle}</h3>
          <p className="soft small">{t.refusedHint}</p>
          <DecisionList decisions={refused} onLeave={onLeave} />
        </section>
      )}
      <section>
        <h3>{t.waitingTitle}</h3>
        <p role="status">{state}</p>
        {waiting > 0 && <p className="soft small">{t.kept}</p>}
        <DecisionList decisions={unsent} onLeave={onLeave} />
        {waiting > 0 && (
          <Button small onClick={() => wake(true)}>
            {t.now}
          </Button>
        )}
      </section>
    </div>
  )
}

function DecisionList({ decisions, onLeave }: { decisions: Decision[]; onLeave: () => void }) {
  return (
    <ul className="outbox-list">
      {decisions.slice(0, MAX_SHOWN).map((one) => (
        <DecisionRow key={one.key} one={one} onLeave={onLeave} />
      ))}
      {decisions.length > MAX_SHOWN && (
        <li className="soft">{t.more(decisions.length - MAX_SHOWN)}</li>
      )}
    </ul>
  )
}

function DecisionRow({ one, onLeave }: { one: Decision; onLeave: () => void }) {
  const isRefused = one.state === "refused"
  const isConflict = one.act === "box" && one.refusal?.theirs !== undefined
  const together = isRefused && one.batch ? listTogether(one.key).length : 1
  return (
    <li data-decision={one.state}>
      <p>
        <strong>{formatDecision(one)}</strong>{" "}
        <Link href={paths.image(one.project, one.image)} onClick={onLeave}>
          {one.filename}
        </Link>
      </p>
      {isRefused && one.act === "box" && one.refusal?.theirs !== undefined && (
        <BoxConflictView one={one} theirs={one.refusal.theirs} />
      )}
      {isRefused && !isConflict && (
        <p className="red small">
          {one.refusal?.why || t.noReason(one.refusal?.status ?? 0)}{" "}
          {together > 1 && t.unclear(together)}
        </p>
      )}
      <p className="actions">
        {isRefused && !isConflict && (
          <Button small onClick={() => void retry(one.key)}>
            {t.sendAgain}
          </Button>
        )}
        {((isRefused && !isConflict) || (!isRefused && one.attempts === 0)) && (
          <Button
            small
            kind="quiet"
            onClick={() => void (isRefused ? discard(one.key) : undo(one.key))}
          >
            {together > 1 ? t.discardTogether(together) : t.discard}
          </Button>
        )}
      </p>
    </li>
  )
}
