/** A box that two users changed: both versions on the image, and the choice between them. */
import { useQuery } from "@tanstack/react-query"
import { fileUrl } from "../api/fileUrls"
import type { Annotation } from "../api/types"
import { imageQuery } from "../images/queries"
import { Button } from "../ui/Button"
import { getBoxValues, isPoint } from "./boxDecisions"
import type { BoxDecision, BoxValues } from "./decisions"
import { discard, retry } from "./outbox"
import { boxConflictTexts as t } from "./outbox/en"

interface BoxConflictViewProps {
  one: BoxDecision
  /** The stored box; null if it was withdrawn. */
  theirs: Annotation | null
}

export function BoxConflictView({ one, theirs }: BoxConflictViewProps) {
  const by = one.refusal?.by || t.someone
  const stored = theirs && getBoxValues(theirs)
  return (
    <div className="box-conflict" data-testid="box-conflict">
      <p className="red small">{theirs ? t.changed(by) : t.withdrawn(by)}</p>
      <ConflictImage one={one} mine={one.after} theirs={stored} />
      <dl className="small">
        <dt className="box-mine">{t.mine}</dt>
        <dd>{format(one.after)}</dd>
        <dt className="box-theirs">{t.theirs}</dt>
        <dd>{format(stored)}</dd>
      </dl>
      <p className="actions">
        <Button small kind="accent" onClick={() => void retry(one.key)}>
          {t.keepMine}
        </Button>
        <Button small onClick={() => void discard(one.key)}>
          {theirs ? t.keepTheirs(by) : t.keepDeleted}
        </Button>
      </p>
    </div>
  )
}

function format(values: BoxValues | null): string {
  if (!values) return t.deleted
  const { x_min, y_min, x_max, y_max } = values.box
  if (isPoint(values)) return t.point(values.label, Math.round(x_min), Math.round(y_min))
  const [width, height, x, y] = [x_max - x_min, y_max - y_min, x_min, y_min].map(Math.round)
  const text = t.box(values.label, width ?? 0, height ?? 0, x ?? 0, y ?? 0)
  return values.polygon ? t.polygon(text, values.polygon.length) : text
}

interface ConflictImageProps {
  one: BoxDecision
  mine: BoxValues | null
  theirs: BoxValues | null
}

function ConflictImage({ one, mine, theirs }: ConflictImageProps) {
  const { data: image } = useQuery(imageQuery(one.project, one.image))
  if (!image?.preview_url) return null
  const draw = (values: BoxValues | null, name: string) =>
    values &&
    (values.polygon ? (
      <polygon className={name} points={values.polygon.join(" ")} />
    ) : isPoint(values) ? (
      <circle
        className={name}
        cx={values.box.x_min}
        cy={values.box.y_min}
        r={Math.max(image.width, image.height) / 60}
      />
    ) : (
      <rect
        className={name}
        x={values.box.x_min}
        y={values.box.y_min}
        width={values.box.x_max - values.box.x_min}
        height={values.box.y_max - values.box.y_min}
      />
    ))
  return (
    <svg viewBox={`0 0 ${image.width} ${image.height}`} aria-hidden>
      <image href={fileUrl(image.preview_url)} width={image.width} height={image.height} />
      {draw(theirs, "box-theirs")}
      {draw(mine, "box-mine")}
    </svg>
  )
}
