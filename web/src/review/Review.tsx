/** What people say of the finding that is chosen, or of the whole image: one key each, and who said what before. */
import { useQuery } from "@tanstack/react-query"
import { Check, CircleSlash, CircleHelp, MessageSquare, Pencil, Undo2 } from "lucide-react"
import { type FormEvent, type ReactNode, useEffect, useState } from "react"
import { askCaller } from "../api/queries"
import type { Identification, ImageDetail } from "../api/types"
import { mayManage, mayReview, useProject } from "../projects/project"
import { Button } from "../ui/Button"
import { TextField } from "../ui/Field"
import { useKeys } from "../ui/keys"
import { toast } from "../ui/Toasts"
import { When } from "../ui/time"
import { waitingKey } from "./decisions"
import { outboxWords } from "./en.outbox"
import { reviewWords as w } from "./en"
import { Correction } from "./Correction"
import { type Finding, titleOf } from "../findings/findings"
import type { Identify, SaidOfImage, Saying, Target } from "./useIdentify"

interface ReviewProps {
  image: ImageDetail
  findings: Finding[]
  identify: Identify
  chosen: string | null
  /** Shows the panel, for what a key opens in it. */
  onShow: () => void
}

/** What the caller can say; nothing for those who only look. */
export function Review(props: ReviewProps) {
  const project = useProject()
  return mayReview(project) && !props.image.deleted ? <Verdicts {...props} /> : null
}

function Verdicts({ image, findings, identify: { say, undo }, chosen, onShow }: ReviewProps) {
  const [asked, setAsked] = useState<"correct" | "comment" | null>(null)
  const finding = findings.find(({ id }) => id === chosen)
  const target: Target = finding ? { id: finding.id, name: titleOf(finding) } : { id: null, name: w.wholeImage }
  useEffect(() => setAsked(null), [image.id, target.id])
  const canConfirm = finding
    ? finding.analysis.status === "completed" && !finding.analysis.simulated
    : image.analyses.some(({ status, simulated }) => status === "completed" && !simulated)
  const go = (saying: Saying) => void say(saying, target).then((isDone) => isDone && setAsked(null))
  const ask = (what: "correct" | "comment") => {
    onShow()
    setAsked(what)
  }
  const press = (act: () => void) => (event: KeyboardEvent) => {
    event.preventDefault()
    if (!event.repeat) act()
  }
  const confirm = () => (canConfirm ? go({ kind: "confirm" }) : toast(outboxWords.nothingToConfirm, true))
  useKeys({
    y: press(confirm), x: press(() => ask("correct")), n: press(() => go({ kind: "blank" })),
    u: press(() => go({ kind: "unsure" })), m: press(() => ask("comment")), z: press(undo),
  })
  const button = (kind: keyof typeof w.does, key: string, icon: ReactNode, act: () => void, disabled = false) => (
    <button type="button" className="verdict" data-verdict={kind} disabled={disabled} aria-expanded={kind === "correct" || kind === "comment" ? asked === kind : undefined} aria-keyshortcuts={key} onClick={act}>
      {icon}<span>{w.does[kind]}</span><kbd aria-hidden>{key}</kbd>
    </button>
  )
  return (
    <section data-testid="review">
      <h2>{w.title}<span className="faint">{w.of} {target.name}</span></h2>
      <div className="verdicts">
        {button("confirm", "y", <Check size={15} aria-hidden />, () => go({ kind: "confirm" }), !canConfirm)}
        {button("correct", "x", <Pencil size={14} aria-hidden />, () => setAsked(asked === "correct" ? null : "correct"))}
        {button("blank", "n", <CircleSlash size={15} aria-hidden />, () => go({ kind: "blank" }))}
        {button("unsure", "u", <CircleHelp size={15} aria-hidden />, () => go({ kind: "unsure" }))}
        {button("comment", "m", <MessageSquare size={14} aria-hidden />, () => setAsked(asked === "comment" ? null : "comment"))}
        <button type="button" className="verdict" aria-keyshortcuts="z" onClick={undo}><Undo2 size={15} aria-hidden /><span>{w.undo}</span><kbd aria-hidden>z</kbd></button>
      </div>
      {asked === "correct" && <Correction project={image.project_id} onSay={go} onClose={() => setAsked(null)} />}
      {asked === "comment" && <Remark onSay={go} onClose={() => setAsked(null)} />}
      {!finding && findings.length > 0 && asked === null && <p className="soft small">{w.chooseHint}</p>}
      {findings.length === 0 && !canConfirm && <p className="soft small">{w.noResult}</p>}
    </section>
  )
}

function Remark({ onSay, onClose }: { onSay: (saying: Saying) => void; onClose: () => void }) {
  const [text, setText] = useState("")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim()) onSay({ kind: "comment", comment: text.trim() })
  }
  return (
    <form className="form correction" onSubmit={submit}>
      <TextField label={w.comment} value={text} maxLength={10_000} autoFocus onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Escape") { event.preventDefault(); onClose() } }} />
      <div className="correction-go">
        <Button small kind="accent" type="submit" disabled={!text.trim()}>{w.save}</Button>
        <Button small kind="quiet" onClick={onClose}>{w.cancel}</Button>
      </div>
    </form>
  )
}

/** Who said what of an image and of anything on it, the newest first. */
export function History({ image, findings, identify, about }: { image: ImageDetail; findings: Finding[]; identify: Identify; about: SaidOfImage }) {
  const project = useProject()
  const { data: caller } = useQuery(askCaller)
  const { said, count, isCut } = about
  if (said.length === 0) return null
  const of = (one: Identification) => {
    if (!one.annotation_id) return w.ofImage
    const finding = findings.find(({ id, said }) => id === one.annotation_id || said.some((inner) => inner.id === one.annotation_id))
    return finding ? titleOf(finding) : w.ofOther
  }
  const mayWithdraw = (one: Identification) =>
    !one.withdrawn_at && !waitingKey(one) && !image.deleted && (mayManage(project) || (mayReview(project) && one.person_id === caller?.user_id))
  return (
    <section>
      <details className="said-before" open={said.length < 6 || undefined}>
        <summary>{w.history} <span className="faint">{count}</span></summary>
        <ul className="history" data-testid="history">
          {said.map((one) => (
            <li key={one.id} className={one.withdrawn_at ? "withdrawn" : undefined} data-identification={one.kind}>
              <p><strong>{one.kind === "correct" ? one.label : w.kinds[one.kind]}</strong> <Details one={one} /> <span className="faint">{of(one)}</span></p>
              {one.comment && <p className="remark">{one.comment}</p>}
              <p className="soft small">
                {one.by} · <When at={one.created_at} />
                {waitingKey(one) && <> · <span className="amber">{outboxWords.notYet}</span></>}
                {one.withdrawn_at && <> · {w.gone}{one.withdrawn_by === one.by ? "" : ` (${one.withdrawn_by})`}</>}
                {mayWithdraw(one) && <> · <Button kind="quiet" small onClick={() => void identify.withdraw([one.id], of(one))}>{w.withdraw}</Button></>}
              </p>
            </li>
          ))}
        </ul>
        {isCut && <p className="soft small">{w.more100}</p>}
      </details>
    </section>
  )
}

function Details({ one }: { one: Identification }) {
  const told = [
    one.count === null ? null : w.times(one.count), one.sex && w.sexes[one.sex].toLowerCase(), one.life_stage && w.lifeStages[one.life_stage].toLowerCase(), one.behaviour,
  ].filter(Boolean)
  return told.length > 0 ? <span>{told.join(", ")}</span> : null
}

/** What a person said that holds of a finding, beside the model's words. */
export function Holds({ one }: { one: Identification }) {
  return (
    <small className={`holds holds-${one.kind}`} data-holds={one.kind}>
      <span>{w.holds(one.kind, one.label)} <Details one={one} /></span>
      <i>{one.by} · {waitingKey(one) ? outboxWords.notYet : <When at={one.created_at} />}</i>
    </small>
  )
}
