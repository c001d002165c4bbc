/** Shows a decision that the server did not store, with both versions and a choice. */
import { useState } from "react"
import { Button } from "../ui/Button"
import { BoxConflictView } from "./BoxConflictView"
import { downloadDecisions } from "./decisionFile"
import type { Decision } from "./decisions"
import { discard, retry } from "./outbox"
import { outboxTexts as t } from "./outbox/en"
import { listTogether } from "./outboxState"
import { useOutbox } from "./useOutbox"

interface DecisionConflictProps {
  project: number
  /** Shows the image or the sequence of a decision. */
  onShow: (one: Decision) => void
}

const getPlace = (one: Decision) => one.place ?? one.filename

export function DecisionConflict({ project, onShow }: DecisionConflictProps) {
  const { decisions } = useOutbox()
  const [isBusy, setBusy] = useState(false)
  const refused = decisions.filter((one) => one.state === "refused" && one.project === project)
  const revoked = refused.filter((one) => one.refusal?.isRevoked)
  const one = refused[0]
  if (!one) return null
  const drop = async (some: readonly Decision[]) => {
    setBusy(true)
    for (const each of some) await discard(each.key)
    setBusy(false)
  }
  const unclear = revoked.filter(({ batch }) => batch).length
  if (revoked.length > 0)
    return (
      <section className="review-conflict" role="status" data-testid="conflict">
        <strong>{t.revokedTitle}</strong>
        {unclear < revoked.length && <p>{t.revokedText(revoked.length - unclear)}</p>}
        {unclear > 0 && <p>{t.unclear(unclear)}</p>}
        <p className="actions">
          <Button small onClick={() => downloadDecisions(revoked)}>
            {t.download}
          </Button>
          <Button small kind="quiet" busy={isBusy} onClick={() => void drop(revoked)}>
            {t.discardAll}
          </Button>
        </p>
      </section>
    )
  const more = refused.length > 1 && (
    <p className="soft small">{t.moreConflicts(refused.length - 1)}</p>
  )
  if (one.act === "box" && one.refusal?.theirs !== undefined)
    return (
      <section className="review-conflict" role="status" data-testid="conflict">
        <strong>{t.refusedTitleOf(getPlace(one))}</strong>
        <BoxConflictView one={one} theirs={one.refusal.theirs} />
        {more}
      </section>
    )
  const theirs = one.refusal?.other
  const together = one.batch ? listTogether(one.key).length : 1
  const isGone = one.refusal?.status === 404
  return (
    <section className="review-conflict" role="status" data-testid="conflict">
      <strong>
        {theirs
          ? theirs.by === null
            ? t.changedTitle(getPlace(one))
            : t.conflictTitle(theirs.by, getPlace(one))
          : isGone
            ? t.goneTitle(getPlace(one))
            : t.refusedTitleOf(getPlace(one))}
      </strong>
      <p>
        {theirs
          ? t.conflictVersions(theirs.by ?? t.current, theirs.text, one.target)
          : isGone
            ? t.goneVersions(one.target)
            : one.refusal?.why || t.noReason(one.refusal?.status ?? 0)}
      </p>
      {together > 1 && <p>{t.unclear(together)}</p>}
      <p className="actions">
        <Button small busy={isBusy} onClick={() => void retry(one.key)}>
          {theirs ? t.keepMine : t.sendAgain}
        </Button>
        <Button small busy={isBusy} onClick={() => void drop([one])}>
          {theirs
            ? theirs.by === null
              ? t.keepNew
              : t.keepTheirs(theirs.by)
            : together > 1
              ? t.discardTogether(together)
              : t.discard}
        </Button>
        <Button small kind="quiet" onClick={() => onShow(one)}>
          {t.show}
        </Button>
      </p>
      {more}
    </section>
  )
}
