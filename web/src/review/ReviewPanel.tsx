/**
 * Identifies the selected finding or the whole image with one key each, and shows the previous
 * identifications.
 */
import { useQuery } from "@tanstack/react-query"
import { Check, CircleHelp, CircleSlash, MessageSquare, Pencil, Undo2 } from "lucide-react"
import { type FormEvent, Fragment, type ReactNode, useEffect, useState } from "react"
import { callerQuery } from "../api/session"
import type { Identification, ImageDetail } from "../api/types"
import { type Finding, getTitle } from "../findings/findings"
import { canManage, canReview, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { useShortcuts } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { CorrectionDialog } from "./CorrectionDialog"
import { getWaitingKey } from "./decisions"
import { reviewTexts as t } from "./en"
import { outboxTexts } from "./outbox/en"
import { listStatedTaxa, type StatedTaxon } from "./statedTaxa"
import type {
  IdentificationInput,
  IdentificationTarget,
  Identify,
  ImageIdentifications,
} from "./useIdentify"

interface ReviewPanelProps {
  image: ImageDetail
  findings: Finding[]
  identify: Identify
  chosen: string | null
  /** Shows the panel when a shortcut opens a field in it. */
  onShow: () => void
}

/** A field that is open; `opened` differs each time that one is opened. */
interface OpenField {
  kind: "correct" | "comment"
  opened: number
  isStoring: boolean
}

/** The buttons and fields of a review; nothing for viewers. */
export function ReviewPanel(props: ReviewPanelProps) {
  const project = useProject()
  return canReview(project) && !props.image.deleted ? <ReviewButtons {...props} /> : null
}

function ReviewButtons({
  image,
  findings,
  identify: { say, undo, redo },
  chosen,
  onShow,
}: ReviewPanelProps) {
  const [field, setField] = useState<OpenField | null>(null)
  const finding = findings.find(({ id }) => id === chosen)
  const target: IdentificationTarget = finding
    ? { id: finding.id, name: getTitle(finding) }
    : { id: null, name: t.wholeImage }
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs again for another image or finding
  useEffect(() => setField(null), [image.id, target.id])
  const canConfirm = finding
    ? finding.analysis.status === "completed" && !finding.analysis.simulated
    : image.analyses.some(({ status, simulated }) => status === "completed" && !simulated)
  // The field is hidden while its text is stored, so that the next key is a shortcut.
  const go = (saying: IdentificationInput) => {
    const opened = field?.opened
    setField((now) => now && { ...now, isStoring: true })
    void say(saying, target).then((isDone) =>
      setField((now) =>
        now?.opened !== opened ? now : isDone ? null : now && { ...now, isStoring: false },
      ),
    )
  }
  const open = (kind: OpenField["kind"]) =>
    setField({ kind, opened: (field?.opened ?? 0) + 1, isStoring: false })
  const close = () => setField(null)
  const toggle = (kind: OpenField["kind"]) => (asked === kind ? close() : open(kind))
  const ask = (kind: OpenField["kind"]) => {
    onShow()
    if (asked !== kind) open(kind)
  }
  const asked = field && !field.isStoring ? field.kind : null
  const press = (act: () => void) => (event: KeyboardEvent) => {
    event.preventDefault()
    if (!event.repeat) act()
  }
  const confirm = () =>
    canConfirm ? go({ kind: "confirm" }) : showToast(outboxTexts.nothingToConfirm, true)
  useShortcuts({
    y: press(confirm),
    x: press(() => ask("correct")),
    n: press(() => go({ kind: "blank" })),
    u: press(() => go({ kind: "unsure" })),
    m: press(() => ask("comment")),
    z: press(undo),
    Z: press(redo),
  })
  const button = (
    kind: keyof typeof t.does,
    key: string,
    icon: ReactNode,
    act: () => void,
    disabled = false,
  ) => (
    <button
      type="button"
      className="review-button"
      data-verdict={kind}
      disabled={disabled}
      aria-expanded={kind === "correct" || kind === "comment" ? asked === kind : undefined}
      aria-keyshortcuts={key}
      onClick={act}
    >
      {icon}
      <span>{t.does[kind]}</span>
      <kbd aria-hidden>{key}</kbd>
    </button>
  )
  return (
    <section data-testid="review">
      <h2>
        {t.title}
        <span className="faint">
          {t.of} {target.name}
        </span>
      </h2>
      <div className="review-buttons">
        {button(
          "confirm",
          "y",
          <Check size={15} aria-hidden />,
          () => go({ kind: "confirm" }),
          !canConfirm,
        )}
        {button("correct", "x", <Pencil size={14} aria-hidden />, () => toggle("correct"))}
        {button("blank", "n", <CircleSlash size={15} aria-hidden />, () => go({ kind: "blank" }))}
        {button("unsure", "u", <CircleHelp size={15} aria-hidden />, () => go({ kind: "unsure" }))}
        {button("comment", "m", <MessageSquare size={14} aria-hidden />, () => toggle("comment"))}
        <button type="button" className="review-button" aria-keyshortcuts="z" onClick={undo}>
          <Undo2 size={15} aria-hidden />
          <span>{t.undo}</span>
          <kbd aria-hidden>z</kbd>
        </button>
      </div>
      {field && (
        <div key={field.opened} hidden={field.isStoring}>
          {field.kind === "correct" ? (
            <CorrectionDialog project={image.project_id} onSay={go} onClose={close} />
          ) : (
            <CommentForm onSay={go} onClose={close} />
          )}
        </div>
      )}
      {!finding && findings.length > 0 && asked === null && (
        <p className="soft small">{t.chooseHint}</p>
      )}
      {findings.length === 0 && !canConfirm && <p className="soft small">{t.noResult}</p>}
    </section>
  )
}

function CommentForm({
  onSay,
  onClose,
}: {
  onSay: (saying: IdentificationInput) => void
  onClose: () => void
}) {
  const [text, setText] = useState("")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim()) onSay({ kind: "comment", comment: text.trim() })
  }
  return (
    <form className="form correction" onSubmit={submit}>
      <TextField
        label={t.comment}
        value={text}
        maxLength={10_000}
        autoFocus
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.preventDefault()
            onClose()
          }
        }}
      />
      <div className="correction-actions">
        <Button small kind="accent" type="submit" disabled={!text.trim()}>
          {t.save}
        </Button>
        <Button small kind="quiet" onClick={onClose}>
          {t.cancel}
        </Button>
      </div>
    </form>
  )
}

/** The identifications of an image and its findings with their users, newest first. */
export function IdentificationHistory({
  image,
  findings,
  identify,
  about,
}: {
  image: ImageDetail
  findings: Finding[]
  identify: Identify
  about: ImageIdentifications
}) {
  const project = useProject()
  const { data: caller } = useQuery(callerQuery)
  const { said, count, isCut } = about
  if (said.length === 0) return null
  const of = (one: Identification) => {
    if (!one.annotation_id) return t.ofImage
    const finding = findings.find(
      ({ id, classifications: said }) =>
        id === one.annotation_id || said.some((inner) => inner.id === one.annotation_id),
    )
    return finding ? getTitle(finding) : t.ofOther
  }
  const mayWithdraw = (one: Identification) =>
    !one.withdrawn_at &&
    !getWaitingKey(one) &&
    !image.deleted &&
    (canManage(project) || (canReview(project) && one.person_id === caller?.user_id))
  return (
    <section>
      <details className="said-before" open={said.length < 6 || undefined}>
        <summary>
          {t.history} <span className="faint">{count}</span>
        </summary>
        <ul className="history" data-testid="history">
          {said.map((one) => (
            <li
              key={one.id}
              className={one.withdrawn_at ? "withdrawn" : undefined}
              data-identification={one.kind}
            >
              <p>
                {listStatedTaxa(one).map((taxon, place) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the taxa of one never change
                  <Fragment key={place}>
                    {place > 0 && " + "}
                    <strong>{taxon.label ?? t.kinds[one.kind]}</strong>{" "}
                    <ObservationDetails one={taxon} />
                  </Fragment>
                ))}{" "}
                <span className="faint">{of(one)}</span>
              </p>
              {one.comment && <p className="remark">{one.comment}</p>}
              <p className="soft small">
                {one.by} · <Timestamp at={one.created_at} />
                {getWaitingKey(one) && (
                  <>
                    {" "}
                    · <span className="amber">{outboxTexts.notYet}</span>
                  </>
                )}
                {one.withdrawn_at && (
                  <>
                    {" "}
                    · {t.gone}
                    {one.withdrawn_by === one.by ? "" : ` (${one.withdrawn_by})`}
                  </>
                )}
                {mayWithdraw(one) && (
                  <>
                    {" "}
                    ·{" "}
                    <Button
                      kind="quiet"
                      small
                      onClick={() => void identify.withdraw([one.id], of(one))}
                    >
                      {t.withdraw}
                    </Button>
                  </>
                )}
              </p>
            </li>
          ))}
        </ul>
        {isCut && <p className="soft small">{t.more100}</p>}
      </details>
    </section>
  )
}

function ObservationDetails({ one }: { one: StatedTaxon }) {
  const told = [
    typeof one.count === "number" ? t.times(one.count) : null,
    one.sex && t.sexes[one.sex].toLowerCase(),
    one.life_stage && t.lifeStages[one.life_stage].toLowerCase(),
    one.behaviour,
    one.individual_id,
  ].filter(Boolean)
  return told.length > 0 ? <span>{told.join(", ")}</span> : null
}

/** The current identification of a finding, shown next to the model's class. */
export function EffectiveIdentification({ one }: { one: Identification }) {
  return (
    <small className={`holds holds-${one.kind}`} data-holds={one.kind}>
      <span>
        {t.holds(one.kind, one.label)} <ObservationDetails one={one} />
      </span>
      <i>
        {one.by} · {getWaitingKey(one) ? outboxTexts.notYet : <Timestamp at={one.created_at} />}
      </i>
    </small>
  )
}
