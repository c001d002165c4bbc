/** The panel of the review screen: unit, proposal, palette, and the last decision. */
import { MessageSquare, PawPrint, Star } from "lucide-react"
import { type FormEvent, useState } from "react"
import { useClassColour } from "../findings/classColours"
import { formatPercent } from "../findings/findings"
import { Thumbnail } from "../images/Thumbnail"
import { Button, IconButton } from "../ui/Button"
import { TextField } from "../ui/Field"
import { isDivided, MiddleText } from "../ui/MiddleText"
import { formatDay, formatTime } from "../ui/time"
import { hasCameraTime } from "./cameraTime"
import { reviewScreenTexts as t } from "./en"
import { outboxTexts } from "./outbox/en"
import { getShownName, type Proposal } from "./proposal"
import type { UnitData } from "./reviewQueries"
import type { ReviewStep } from "./useReviewSession"

interface UnitHeadProps {
  data: UnitData
  own: ReviewStep | undefined
  isStarred: boolean
  onStar: () => void
  onIndividual: () => void
  onComment: () => void
}

export function UnitHead(props: UnitHeadProps) {
  const { data, own, isStarred, onStar, onIndividual, onComment } = props
  const first = data.images[0]
  if (!first) return null
  return (
    <header className="review-head">
      <div className="review-head-buttons">
        <IconButton label={t.star} aria-pressed={isStarred} aria-keyshortcuts="s" onClick={onStar}>
          <Star size={18} fill={isStarred ? "currentColor" : "none"} />
        </IconButton>
        <IconButton label={t.individual} aria-keyshortcuts="i" onClick={onIndividual}>
          <PawPrint size={18} />
        </IconButton>
        <IconButton label={t.comment} aria-keyshortcuts="m" onClick={onComment}>
          <MessageSquare size={18} />
        </IconButton>
      </div>
      <h2>{t.sequenceOf(data.images.length)}</h2>
      <p className="soft">
        {first.deployment_name} ·{" "}
        {hasCameraTime(first)
          ? `${formatDay(first.captured_at, first.time_zone)}, ${formatTime(first.captured_at, first.time_zone)}`
          : t.noCameraTime}
      </p>
      {own && (
        <p className="review-own" data-testid="own-decision">
          {t.yours(own.text)}
        </p>
      )}
    </header>
  )
}

interface ProposalViewProps {
  proposal: Proposal
  images: number
  count: number | null
  /** The selected box and the number of boxes of the unit. */
  box: {
    number: number
    total: number
    name: string
    common: string | null
    individual: string | null
    confidence: number | null
  } | null
  /** The digits of a count that is being typed. */
  counting: string | null
  onCount: (by: number) => void
  accept: string
  onAccept: () => void
  onBlank: () => void
  onUnsure: () => void
  onSearch: () => void
}

export function ProposalView(props: ProposalViewProps) {
  const classColour = useClassColour()
  const { proposal, images, count, counting, box } = props
  const first = proposal.taxa[0]
  const isOne = proposal.taxa.length === 1
  return (
    <section className="review-proposal" data-testid="proposal">
      {box && (
        <p className="review-scope">
          <b>{t.of(box.number, box.total)}</b>
          <span>
            {t.whole} <kbd>Esc</kbd>
          </span>
        </p>
      )}
      <ul className="review-names">
        {box && (
          <ProposedName
            name={getShownName(box)}
            colour={classColour(box.name)}
            note={[box.common ? box.name : "", box.individual, formatPercent(box.confidence)]
              .filter(Boolean)
              .join(" · ")}
          />
        )}
        {!box &&
          proposal.taxa.map((one) => (
            <ProposedName
              key={one.name}
              name={t.times(getShownName(one), isOne ? (count ?? one.count) : one.count)}
              colour={classColour(one.name)}
              note={[
                one.common ? one.name : "",
                one.individuals.join(", "),
                [
                  one.confidence ? formatRange(one.confidence) : t.byPerson,
                  t.inImages(one.images, images),
                ]
                  .filter(Boolean)
                  .join(" "),
              ]
                .filter(Boolean)
                .join(" · ")}
            />
          ))}
        {!box && !first && (
          <ProposedName
            name={proposal.state === "blank" ? t.blankProposal : t.nothingYet}
            colour="transparent"
            note={proposal.state === "blank" ? t.noBoxes(images) : t.nothingYetHint}
          />
        )}
      </ul>
      {!box && proposal.taxa.length <= 1 && (
        <div className="review-count" role="group" aria-label={t.count} data-testid="count">
          <span className="soft">{t.count}</span>
          <button type="button" aria-label={t.fewer} onClick={() => props.onCount(-1)}>
            −
          </button>
          <output data-typing={counting !== null || undefined}>
            {counting === null ? (count ?? first?.count ?? "–") : t.typing(counting)}
          </output>
          <button type="button" aria-label={t.more} onClick={() => props.onCount(1)}>
            +
          </button>
          <kbd aria-hidden>c</kbd>
        </div>
      )}
      <button
        type="button"
        className="button button-accent review-accept"
        aria-label={isDivided(props.accept) ? props.accept : undefined}
        aria-keyshortcuts="Enter y"
        onClick={props.onAccept}
      >
        <MiddleText text={props.accept} />
        <kbd aria-hidden>Enter</kbd>
      </button>
      <div className="review-three">
        <KeyButton text={t.blank} keys="0" onClick={props.onBlank} />
        <KeyButton text={t.unsure} keys="u" onClick={props.onUnsure} />
        <KeyButton text={t.change} keys="x" onClick={props.onSearch} />
      </div>
    </section>
  )
}

const formatRange = ([low, high]: [number, number]) =>
  Math.round(low * 100) === Math.round(high * 100)
    ? formatPercent(high)
    : `${Math.round(low * 100)}–${formatPercent(high)}`

function ProposedName({ name, colour, note }: { name: string; colour: string; note: string }) {
  return (
    <li>
      <span className="review-swatch" style={{ background: colour }} />
      <strong>{name}</strong>
      <small>{note}</small>
    </li>
  )
}

function KeyButton({ text, keys, onClick }: { text: string; keys: string; onClick: () => void }) {
  return (
    <button
      type="button"
      className="button button-plain"
      aria-keyshortcuts={keys}
      onClick={onClick}
    >
      {text} <kbd aria-hidden>{keys}</kbd>
    </button>
  )
}

export function LastDecision({ step, onUndo }: { step: ReviewStep; onUndo: () => void }) {
  return (
    <footer className="review-last" data-testid="last-decision" key={step.at}>
      <span className="review-last-image" aria-hidden>
        <Thumbnail image={step.unit.first} eager />
      </span>
      <p>
        <small>{t.lastDecision}</small>
        <span>{step.text}</span>
      </p>
      <Button onClick={onUndo} aria-keyshortcuts="z">
        {t.undo} <kbd aria-hidden>z</kbd>
      </Button>
    </footer>
  )
}

/** Shown in place of the proposal if the browser stores no decisions. */
export function ReviewStopped({ why, onResume }: { why: string; onResume: () => void }) {
  return (
    <section className="review-stopped" role="alert" data-testid="review-stopped">
      <h2>{outboxTexts.stoppedTitle}</h2>
      <p>{why}</p>
      <Button onClick={onResume}>{outboxTexts.goOn}</Button>
    </section>
  )
}

interface CommentFieldProps {
  onSave: (text: string) => void
  onClose: () => void
}

export function CommentField({ onSave, onClose }: CommentFieldProps) {
  const [text, setText] = useState("")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim()) onSave(text.trim())
  }
  return (
    <form className="review-comment" onSubmit={submit}>
      <TextField
        label={t.comment}
        hint={t.commentHint}
        value={text}
        maxLength={10_000}
        autoFocus
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return
          event.preventDefault()
          onClose()
        }}
      />
      <div className="dialog-actions">
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="accent" type="submit" disabled={!text.trim()}>
          {t.save}
        </Button>
      </div>
    </form>
  )
}
