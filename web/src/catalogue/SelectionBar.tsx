/** The bar of selected images: the decisions and keys of the review screen, and other actions. */
import { useQuery } from "@tanstack/react-query"
import { CalendarDays, Film, MapPin, X } from "lucide-react"
import { lazy, type ReactNode, Suspense, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Image } from "../api/types"
import { showProblem } from "../errors/showProblem"
import { imageTexts, markTexts } from "../images/en"
import { ImageActions } from "../images/ImageActions"
import { useImageUpdates } from "../images/imageUpdates"
import { buildImageParameters, type ImageFilter, NO_FILTER } from "../images/queries"
import { canReview, useProject } from "../projects/projectContext"
import { reviewScreenTexts } from "../review/en"
import type { TaxonChoice } from "../review/proposal"
import { getShownName } from "../review/proposal"
import { listPaletteKeys, paletteQuery } from "../review/reviewQueries"
import { SequenceActions } from "../review/SequenceActions"
import { Button, IconButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { formatCount, formatEstimate } from "../ui/en"
import { useShortcuts } from "../ui/shortcuts"
import { getDay } from "../ui/time"
import { selectionTexts as t } from "./en"
import "./selection.css"
import type { BulkIdentify, BulkStatement, Selected } from "./useBulkIdentify"

const SpeciesSearch = lazy(() =>
  import("../review/SpeciesSearch").then((m) => ({ default: m.SpeciesSearch })),
)
/** Up to this number, images are selected one by one, so that each can be removed again. */
const MAX_SINGLE = 1000

interface SelectionBarProps {
  images: string[]
  /** Whether all images of the filter are selected, instead of `images`. */
  isWhole: boolean
  filter: ImageFilter
  total: { images: number; is_estimate?: boolean }
  /** The image that was selected last. */
  last: Image | undefined
  bulk: BulkIdentify
  onAdd: (images: string[]) => void
  onWhole: (changes: Partial<ImageFilter>) => void
  onRun: () => void
  onDone: () => void
}

export function SelectionBar(props: SelectionBarProps) {
  const { images, isWhole, filter, total, bulk, onDone } = props
  const project = useProject()
  const palette = useQuery({ ...paletteQuery(project.id), enabled: canReview(project) })
  const [searching, setSearching] = useState(false)
  const updates = useImageUpdates(project.id)
  const isDeleted = filter.deleted === "true"
  const can = canReview(project) && !isDeleted
  const totalText = formatEstimate(formatCount(total.images), total.is_estimate ?? false)
  const selected: Selected = isWhole ? { filter } : { images }
  const decide = (statement: BulkStatement) => {
    if (!bulk.busy) void bulk.decide(selected, statement).then((isDone) => isDone && onDone())
  }
  const assign = (choice: TaxonChoice) => {
    setSearching(false)
    bulk.remember(choice)
    const named = choice.taxon ? { taxon: choice.taxon } : { label: choice.name }
    decide({ body: { kind: "correct", ...named }, text: getShownName(choice) })
  }
  const accept = () => decide({ body: { kind: "confirm" }, text: t.accepted })
  const blank = () => decide({ body: { kind: "blank" }, text: reviewScreenTexts.blank })
  const unsure = () => decide({ body: { kind: "unsure" }, text: reviewScreenTexts.unsure })
  const star = () =>
    void updates.change(images, { starred: true }, markTexts.done.starred, { starred: false })
  const take = (act: () => void) => (event: KeyboardEvent) => {
    // A focused link, such as a saved view, takes the key; a tile or checkbox does not.
    const from = event.target instanceof HTMLElement ? event.target : null
    if (event.key === "Enter" && from?.closest("a:not(.tile), button, select, summary")) return
    event.preventDefault()
    if (!event.repeat) act()
  }
  const choices = listPaletteKeys(palette.data?.palette)
  const digits = Object.fromEntries(
    choices.map((choice, at) => [String(at + 1), take(() => choice && assign(choice))]),
  )
  useShortcuts(
    {
      ...digits,
      Enter: take(accept),
      y: take(accept),
      "0": take(blank),
      n: take(blank),
      u: take(unsure),
      x: take(() => setSearching(true)),
      s: take(() => !isWhole && star()),
      r: take(() => {
        const last = bulk.recent[0]
        if (last) assign(last)
      }),
    },
    can,
  )
  return (
    <div className="selection-bar" role="toolbar" aria-label={t.bar}>
      <b role="status">{isWhole ? t.allOf(totalText) : imageTexts.selected(images.length)}</b>
      {!isWhole && total.images > images.length && !isDeleted && (
        <Button small kind="quiet" onClick={() => props.onWhole({})}>
          {t.selectAll(totalText)}
        </Button>
      )}
      {!isWhole && props.last && <Extend {...props} last={props.last} />}
      {can && images.length === 1 && props.last?.id === images[0] && props.last?.sequence_id && (
        <SequenceActions image={props.last} />
      )}
      {can && (
        <>
          <KeyButton text={t.accept} keys="Enter" kind="accent" busy={bulk.busy} onClick={accept} />
          <KeyButton
            text={reviewScreenTexts.change}
            keys="x"
            busy={bulk.busy}
            onClick={() => setSearching(true)}
          />
          <KeyButton text={reviewScreenTexts.blank} keys="0" busy={bulk.busy} onClick={blank} />
          <KeyButton text={reviewScreenTexts.unsure} keys="u" busy={bulk.busy} onClick={unsure} />
        </>
      )}
      {!isWhole && (
        <ImageActions
          images={images}
          deleted={isDeleted}
          onRun={props.onRun}
          onDone={props.onDone}
        />
      )}
      <IconButton className="selection-end" label={imageTexts.unselect} onClick={onDone}>
        <X size={18} aria-hidden />
      </IconButton>
      <Dialog open={searching} onClose={() => setSearching(false)} title={reviewScreenTexts.change}>
        {choices.length > 0 && (
          <div className="selection-palette" role="group" aria-label={t.palette}>
            {choices.map(
              (choice, at) =>
                choice && (
                  <Button key={choice.name} small onClick={() => assign(choice)}>
                    <kbd aria-hidden>{at + 1}</kbd>
                    {getShownName(choice)}
                  </Button>
                ),
            )}
          </div>
        )}
        <Suspense fallback={null}>
          <SpeciesSearch
            project={project.id}
            recent={bulk.recent}
            palette={choices}
            onChoose={assign}
            onClose={() => setSearching(false)}
          />
        </Suspense>
      </Dialog>
    </div>
  )
}

/** Add the sequence, the day or the deployment of the image that was selected last. */
function Extend({ last, onAdd, onWhole }: SelectionBarProps & { last: Image }) {
  const project = useProject()
  const [busy, setBusy] = useState(false)
  const add = async (filter: Partial<ImageFilter>) => {
    setBusy(true)
    try {
      const page = await unwrap(
        api.GET("/api/v2/images", {
          params: {
            query: {
              ...buildImageParameters(project.id, { ...NO_FILTER, ...filter }),
              limit: MAX_SINGLE,
            },
          },
        }),
      )
      if (page.next) onWhole({ ...NO_FILTER, ...filter })
      else onAdd(page.results.map(({ id }) => id))
    } catch (error) {
      showProblem(error)
    } finally {
      setBusy(false)
    }
  }
  const day = getDay(last.captured_at, last.time_zone)
  const button = (label: string, icon: ReactNode, filter: Partial<ImageFilter>) => (
    <IconButton label={label} disabled={busy} onClick={() => void add(filter)}>
      {icon}
    </IconButton>
  )
  return (
    <>
      {last.sequence_id &&
        button(t.sequence, <Film size={18} aria-hidden />, { sequence: last.sequence_id })}
      {button(t.day, <CalendarDays size={18} aria-hidden />, { from: day, to: day })}
      {button(t.deployment(last.deployment_name), <MapPin size={18} aria-hidden />, {
        deployment: last.deployment_id,
      })}
    </>
  )
}

/** The progress of a long one, and the question whether to start that of a filter. */
export function BulkProgress({ bulk, onDone }: { bulk: BulkIdentify; onDone: () => void }) {
  const { running, prepared } = bulk
  const found = prepared?.bulk
  return (
    <>
      {running && (
        <div className="selection-bar" role="status">
          <span>
            {running.state === "withdrawing"
              ? t.withdrawing(formatCount(running.withdrawn), formatCount(running.identified))
              : t.running(formatCount(running.done), formatCount(running.images))}
          </span>
          <progress
            value={running.state === "withdrawing" ? running.withdrawn : running.done}
            max={running.images}
          />
        </div>
      )}
      <Dialog open={prepared !== null} onClose={bulk.cancel} title={t.confirmTitle}>
        {found && prepared && (
          <>
            <p>{t.confirm(found.images, prepared.text)}</p>
            {found.reviewed > 0 && <p className="soft">{t.reviewed(found.reviewed)}</p>}
            <div className="dialog-actions">
              <Button onClick={bulk.cancel}>{t.cancel}</Button>
              <Button
                kind="accent"
                onClick={() => void bulk.confirm().then((isDone) => isDone && onDone())}
              >
                {t.go(found.images)}
              </Button>
            </div>
          </>
        )}
      </Dialog>
    </>
  )
}

function KeyButton(props: {
  text: string
  keys: string
  kind?: "accent"
  busy: boolean
  onClick: () => void
}) {
  return (
    <Button
      kind={props.kind}
      busy={props.busy}
      aria-keyshortcuts={props.keys}
      onClick={props.onClick}
    >
      {props.text} <kbd aria-hidden>{props.keys}</kbd>
    </Button>
  )
}
