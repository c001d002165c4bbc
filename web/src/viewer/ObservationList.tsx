/** The current observations of an image: what it shows by models and people. */
import type { Observation } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useClassColour } from "../findings/classColours"
import { formatPercent } from "../findings/findings"
import { reviewTexts } from "../review/en"
import { formatCount } from "../ui/en"
import { Timestamp } from "../ui/time"
import { observationTexts as t } from "./en"

interface ObservationListProps {
  observations: Observation[] | undefined
  error: unknown
  onRetry: () => void
  lit: ReadonlySet<string>
  chosen: string | null
  onLight: (id: string | null) => void
  onChoose: (id: string | null) => void
}

export function ObservationList({
  observations,
  error,
  onRetry,
  ...highlight
}: ObservationListProps) {
  return (
    <section data-testid="observations">
      <h2>
        {t.title}
        <span className="faint">{observations ? formatCount(observations.length) : ""}</span>
      </h2>
      {error !== null && !observations && <ErrorMessage error={error} retry={onRetry} />}
      {observations?.length === 0 && <p className="soft">{t.none}</p>}
      <ul className="findings">
        {observations?.map((one) => (
          <li key={one.id} data-observation={one.annotation_id ?? "image"} data-source={one.source}>
            <ObservationRow one={one} {...highlight} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function ObservationRow({
  one,
  lit,
  chosen,
  onLight,
  onChoose,
}: { one: Observation } & Omit<ObservationListProps, "observations" | "error" | "onRetry">) {
  const box = one.annotation_id
  if (!box)
    return (
      <div className="finding-line">
        <ObservationText one={one} />
      </div>
    )
  return (
    <button
      type="button"
      className={lit.has(box) ? "finding-line lit" : "finding-line"}
      aria-pressed={chosen === box}
      onPointerEnter={() => onLight(box)}
      onPointerLeave={() => onLight(null)}
      onFocus={() => onLight(box)}
      onBlur={() => onLight(null)}
      onClick={() => onChoose(box)}
    >
      <ObservationText one={one} />
    </button>
  )
}

function ObservationText({ one }: { one: Observation }) {
  const classColour = useClassColour()
  const isBlank = one.kind === "blank"
  const details = [
    one.sex && ((reviewTexts.sexes as Record<string, string>)[one.sex] ?? one.sex),
    one.life_stage &&
      ((reviewTexts.lifeStages as Record<string, string>)[one.life_stage] ?? one.life_stage),
    one.behaviour,
    one.individual_id,
  ].filter(Boolean)
  return (
    <>
      <span
        className="dot"
        style={{ background: isBlank ? "transparent" : classColour(one.name) }}
      />
      <span className="finding-name">
        {isBlank ? t.blank : one.name || t.unnamed}
        {one.count !== null && one.count > 1 && ` ${reviewTexts.times(one.count)}`}
        {!one.annotation_id && !isBlank && <span className="faint small"> {t.wholeImage}</span>}
      </span>
      <span className="soft">{formatPercent(one.confidence)}</span>
      <small>
        {one.source === "human" ? (
          <>
            <span>{t.by(one.identified_by ?? t.person)}</span>
            {one.identified_at && (
              <i>
                <Timestamp at={one.identified_at} />
              </i>
            )}
          </>
        ) : (
          <span>{one.model_name ? `${one.model_name} ${one.model_version ?? ""}` : t.model}</span>
        )}
      </small>
      {one.label && one.label !== one.name && !isBlank && <small>{t.label(one.label)}</small>}
      {details.length > 0 && <small>{details.join(", ")}</small>}
      {one.needs_review && <small className="needs-review">{t.needsReview}</small>}
    </>
  )
}
