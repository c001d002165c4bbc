/** What changed between the two analyses that stand beside each other, as a short list. */
import type { ReactNode } from "react"
import { useClassColour } from "../findings/classes"
import { words } from "../en"
import type { Changes as Found } from "../findings/compare"
import { percent, titleOf } from "../findings/findings"

interface ChangesProps {
  changes: Found
  lit: ReadonlySet<string>
  onLight: (id: string | null) => void
  onChoose: (id: string) => void
}

const Dot = ({ name }: { name: string | null }) => <span className="dot" style={{ background: useClassColour()(name) }} />

export function Changes({ changes, lit, onLight, onChoose }: ChangesProps) {
  const w = words.viewer
  const entry = (id: string, kind: string, text: ReactNode, name: string | null) => (
    <button
      key={`${kind} ${id}`} type="button" className={lit.has(id) ? "finding lit" : "finding"} data-change={kind}
      onPointerEnter={() => onLight(id)} onPointerLeave={() => onLight(null)} onFocus={() => onLight(id)} onBlur={() => onLight(null)}
      onClick={() => onChoose(id)}
    >
      <Dot name={name} />
      <span className="change-text">{text}</span>
    </button>
  )
  const only = (classes: [string, number][], kind: string, say: (name: string, count: number) => string) =>
    classes.map(([name, count]) => <p key={name} className="finding" data-change={kind}><Dot name={name} /><span className="change-text">{say(name, count)}</span></p>)
  const count = changes.onlyLeft.length + changes.onlyRight.length + changes.renamed.length + changes.surer.length + changes.lost.length + changes.gained.length
  return (
    <section data-testid="changes">
      <h2>{w.changed}<span className="faint">{count}</span></h2>
      {count === 0 && <p className="soft">{w.nothingChanged}</p>}
      <div className="findings">
        {only(changes.onlyLeft, "only-left", w.onlyLeft)}
        {only(changes.onlyRight, "only-right", w.onlyRight)}
        {changes.renamed.map(({ left, right }) => entry(left.id, "renamed", w.renamed(titleOf(left), titleOf(right)), right.name))}
        {changes.surer.map(({ left, right }) => entry(left.id, "surer", w.surer(titleOf(left), percent(left.confidence), percent(right.confidence)), left.name))}
        {changes.lost.map((finding) => entry(finding.id, "lost", w.lost(titleOf(finding), percent(finding.confidence)), finding.name))}
        {changes.gained.map((finding) => entry(finding.id, "gained", w.gained(titleOf(finding), percent(finding.confidence)), finding.name))}
      </div>
    </section>
  )
}
