/** The effect of a change of settings on the newest images. */
import type { ObservationPreview } from "../api/types"
import { useClassColour } from "../findings/classColours"
import { formatCount } from "../ui/en"
import { observationSettingsTexts as t } from "./en"

export function PreviewResult({
  preview,
  isOutdated,
}: {
  preview: ObservationPreview
  isOutdated: boolean
}) {
  const classColour = useClassColour()
  if (preview.images === 0) return <p className="soft">{t.noImages}</p>
  const changed = preview.classes.filter((one) => one.before !== one.after)
  const same = preview.classes.length - changed.length
  return (
    <div className={isOutdated ? "preview-result outdated" : "preview-result"}>
      <p className="soft small">{t.sample(preview.images)}</p>
      {isOutdated && <p className="amber small">{t.outdated}</p>}
      <p className="preview-sum">{t.changed(preview.changed)}</p>
      <p>{t.needsReview(preview.needs_review)}</p>
      {changed.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th>{t.class}</th>
              <th className="number">{t.before}</th>
              <th className="number">{t.after}</th>
              <th className="number">{t.difference}</th>
            </tr>
          </thead>
          <tbody>
            {changed.map(({ class_name: name, before, after }) => (
              <tr key={name} data-preview-class={name}>
                <td>
                  {name !== "blank" && (
                    <span className="dot" style={{ background: classColour(name) }} />
                  )}{" "}
                  {name === "blank" ? t.blank : name || t.unnamed}
                </td>
                <td className="number">{formatCount(before)}</td>
                <td className="number">{formatCount(after)}</td>
                <td className="number">{t.gain(after - before)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {same > 0 && <p className="soft small">{t.sameClasses(same)}</p>}
    </div>
  )
}
