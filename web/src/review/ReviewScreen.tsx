/** The review of one set: stage, strip and panel, with a key for each decision. */
import { useQuery } from "@tanstack/react-query"
import { type MouseEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react"
import { useLocation } from "wouter"
import { ShortcutHelp } from "../app/ShortcutHelp"
import { ErrorMessage } from "../errors/ErrorMessage"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { reviewSetTexts as setTexts } from "../reviewSets/en"
import { LinkButton } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { type Shortcuts, useShortcuts } from "../ui/shortcuts"
import { formatTime } from "../ui/time"
import { DRAW_KEYS } from "../viewer/useBoxEditor"
import { useLook } from "../viewer/useLook"
import { DecisionConflict } from "./DecisionConflict"
import { reviewKeys, reviewScreenTexts as t } from "./en"
import { FinishedReview, SessionSummary } from "./FinishedReview"
import { AdjustmentSliders, GammaFilter, ImageTools } from "./ImageTools"
import { IndividualField } from "./IndividualField"
import { getShownName } from "./proposal"
import { CommentField, LastDecision, ProposalView, ReviewStopped, UnitHead } from "./ReviewDecision"
import { Palette, PaletteEditor } from "./ReviewPalette"
import { ReviewStage, type ReviewStageHandle, useObservedFindings } from "./ReviewStage"
import { ReviewStrip } from "./ReviewStrip"
import { ReviewTopBar } from "./ReviewTopBar"
import {
  individualsQuery,
  listPaletteKeys,
  PALETTE_SIZE,
  paletteQuery,
  type ReviewFilter,
} from "./reviewQueries"
import { SpeciesSearch } from "./SpeciesSearch"
import { flipStar } from "./stars"
import type { UnitKind } from "./units"
import { type BufferedKeys, useBufferedKeys } from "./useBufferedKeys"
import { useFieldKeys } from "./useFieldKeys"
import { useEndOfCount, useImageTools, usePlaying } from "./useImageTools"
import { useReviewActions } from "./useReviewActions"
import { useReviewBoxes } from "./useReviewBoxes"
import { useReviewProgress } from "./useReviewProgress"
import { type EarlierSteps, useReviewSession } from "./useReviewSession"
import { useReviewQueue, useReviewUnit } from "./useReviewUnit"

interface ReviewScreenProps {
  filter: ReviewFilter
  kind: UnitKind
  grid: string
  setName: string
  /** The review set to work through in place of the filter. */
  set: string | null
  /** The decisions of this visit in another set or order. */
  earlier: RefObject<EarlierSteps>
}

const NEXT_SHOWN = 3
const DIGITS = Array.from({ length: PALETTE_SIZE }, (_, at) => String(at + 1))
const DRAW = Object.values(DRAW_KEYS)
const NO_SHORTCUTS: Shortcuts = {}
const REVIEW_KEYS: BufferedKeys = {
  // A key that draws can be among them: the arrow keys then move the box, and Enter saves it.
  steps: new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "j", "J", "k", "K"]),
  decisions: new Set(["Enter", "y", "0", "n", "u", "z", "Z", "r", "c", "s", ...DIGITS, ...DRAW]),
  fields: new Set(["x", "m", "i"]),
}

export function ReviewScreen(props: ReviewScreenProps) {
  const { filter, kind, grid, setName, set, earlier } = props
  const project = useProject()
  const [, leave] = useLocation()
  const session = useReviewSession(project.id, earlier)
  const { index, steps } = session
  const queue = useReviewQueue(project.id, filter, kind, session, set)
  const { units } = queue
  const review = useReviewUnit(project.id, queue, index, steps)
  const { unit, data, proposal, frame, boxes, current, select } = review
  const { data: stored } = useQuery(paletteQuery(project.id))
  const palette = useMemo(() => listPaletteKeys(stored?.palette), [stored])
  useQuery(individualsQuery(project.id))
  const image = data?.images[frame] ?? unit?.first
  const observed = useObservedFindings(project.id, image, data, review.query.dataUpdatedAt)
  const canvas = useRef<ReviewStageHandle>(null)
  const [keysOpen, setKeysOpen] = useState(false)
  const tools = useImageTools(image?.deployment_id ?? "")
  // The next key is about a selected box: playing must not remove the selection.
  const isBusy = current.chosen !== null || current.mode !== null || current.counting !== null
  const play = usePlaying(data?.images.length ?? 0, frame, unit?.key ?? "", isBusy, (to) =>
    select({ frame: to }),
  )
  const flipPlay = () => {
    if (current.mode !== null) return
    select({ chosen: null, counting: null })
    play.flip()
  }
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])

  const isEnd = queue.data !== undefined && !queue.hasNextPage && index >= units.length
  // A next page that failed can be requested again: keys wait for it.
  const isFailed = Boolean(unit ? review.query.error : queue.error && !queue.data)
  const isComing = !isEnd && !data && !isFailed
  const applyKeys = useBufferedKeys(isComing, isFailed, unit?.key ?? "", REVIEW_KEYS)
  const act = useReviewActions(session, queue, review)
  const { at, box, assign, decideWhole, step, turn, undo } = act
  const open = (mode: "search" | "comment") => data && select({ mode })
  const zoom = () => {
    const shown = boxes.filter((one) => one.frame === frame).map(({ id }) => id)
    canvas.current?.flipZoom(box ? [box.id] : shown)
  }
  const look = useLook()
  const editor = useReviewBoxes(canvas, session, review, act, observed)
  const isHere = () => {
    // Elsewhere these keys are about the focus, so that all buttons can be reached and pressed.
    const from = document.activeElement
    return !from || from === document.body || from.closest(".canvas") !== null
  }
  const press = (action: () => void) => (event: KeyboardEvent) => {
    event.preventDefault()
    if (!event.repeat) action()
  }
  const count = (digit: string, otherwise: () => void) =>
    press(() => act.typeCount(digit) || otherwise())
  useEndOfCount(current.counting, () => select({ counting: null }))
  const isField = current.mode !== null && current.mode !== "palette"
  const keys: Shortcuts = {
    Enter: (event) => {
      const from = event.target
      if (!(from instanceof HTMLElement && from.closest("button, a, select")))
        press(act.accept)(event)
    },
    y: press(act.accept),
    "0": count("0", () => decideWhole("blank")),
    n: press(() => decideWhole("blank")),
    u: press(() => decideWhole("unsure")),
    x: press(() => open("search")),
    m: press(() => open("comment")),
    r: press(act.repeat),
    i: press(act.openIndividual),
    c: press(() => data && !box && select({ counting: "" })),
    s: press(() => data && image && void flipStar(project.id, image)),
    z: press(undo),
    Z: press(act.redo),
    ArrowLeft: () => turn(-1),
    ArrowRight: () => turn(1),
    j: () => step(1),
    J: () => step(1),
    k: () => step(-1),
    K: () => step(-1),
    Tab: (event) => {
      if (isHere() && !event.shiftKey && act.cycle()) event.preventDefault()
    },
    " ": (event) => isHere() && press(flipPlay)(event),
    f: press(zoom),
    g: press(look.flipMagnified),
    b: press(tools.flipNight),
    v: press(tools.flipOpen),
    "?": press(() => setKeysOpen(true)),
    "+": () => canvas.current?.zoom(1.5),
    "-": () => canvas.current?.zoom(1 / 1.5),
    Escape: () => {
      if (current.counting !== null || current.count !== null)
        select({ counting: null, count: null })
      else if (tools.isOpen) tools.flipOpen()
      else if (current.chosen !== null) select({ chosen: null })
      else leave(grid)
    },
    ...Object.fromEntries(
      DIGITS.map((digit, place) => {
        const choice = palette[place]
        return [digit, count(digit, () => choice && assign(choice))]
      }),
    ),
  }
  const hasKeys = !keysOpen && current.mode !== "palette" && session.obstacle === null
  // A key that follows a choice in the field is already about the next unit.
  useShortcuts(isField ? NO_SHORTCUTS : keys, hasKeys)
  useFieldKeys(hasKeys && isField, () => select({ mode: null }))
  const first = queue.data?.pages[0]
  const { done, progress } = useReviewProgress(project.id, steps, first, set !== null)
  const last = steps.at(-1)
  const conflict = (
    <DecisionConflict
      project={project.id}
      onShow={(one) => {
        const key = (one.act === "identify" && one.body.sequences[0]) || one.image
        const place = units.findIndex((each) => each.key === key)
        if (place >= 0) session.go(place)
        else leave(paths.image(project.id, one.image))
      }}
    />
  )
  // While units are left, a failure to fetch more of them does not matter yet.
  const error = unit ? review.query.error : queue.error
  const blurAfterClick = (event: MouseEvent) => {
    // After a click the keys are about the unit again, not about the button.
    if (event.detail > 0 && document.activeElement instanceof HTMLButtonElement)
      document.activeElement.blur()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: only the focus is moved
    <main className="review-screen" data-testid="review-screen" onClick={blurAfterClick}>
      <ReviewTopBar
        grid={grid}
        setName={setName}
        kind={kind}
        order={filter.order}
        isSet={set !== null}
        progress={progress}
        onKeys={() => setKeysOpen(true)}
        onUndo={undo}
      />
      <p className="visually-hidden" aria-live="polite" data-testid="announcement">
        {data &&
          image &&
          t.announce(
            t.sequenceOf(data.images.length),
            formatTime((data.images[0] ?? image).captured_at, image.time_zone),
            act.acceptText,
          )}
      </p>
      {first && units.length === 0 && set !== null ? (
        <EmptyState
          title={setTexts.setDone}
          text={first.count > 0 ? setTexts.held(first.count) : undefined}
        >
          <LinkButton href={grid}>{setTexts.back}</LinkButton>
        </EmptyState>
      ) : first && first.results.length === 0 ? (
        <EmptyState title={t.emptyTitle} text={t.emptyText}>
          <LinkButton href={paths.review(project.id)}>{t.showAll}</LinkButton>
          <LinkButton href={paths.images(project.id)}>{t.toImages}</LinkButton>
        </EmptyState>
      ) : isEnd ? (
        <>
          <FinishedReview steps={steps} done={done} />
          <aside className="review-panel" aria-label={t.yourDecisions}>
            <SessionSummary
              steps={steps}
              filter={filter}
              grid={grid}
              onReload={() => {
                queue.reset()
                session.restart()
              }}
            />
            {conflict}
            {last && <LastDecision step={last} onUndo={undo} />}
          </aside>
        </>
      ) : (
        <>
          <ImageTools
            adjustments={tools.adjustments}
            isPlaying={play.isPlaying}
            canPlay={(data?.images.length ?? 0) > 1}
            isOpen={tools.isOpen}
            onZoom={zoom}
            editor={editor}
            look={look}
            onPlay={flipPlay}
            onNight={tools.flipNight}
            onOpen={tools.flipOpen}
          />
          <section className="review-stage" aria-label={t.stage} style={tools.style}>
            <GammaFilter gamma={tools.adjustments.gamma} />
            {tools.isOpen && (
              <AdjustmentSliders
                deployment={image?.deployment_name ?? ""}
                adjustments={tools.adjustments}
                onChange={tools.change}
              />
            )}
            {image && (
              <ReviewStage
                key={image.id}
                ref={canvas}
                image={image}
                observed={observed}
                chosen={current.chosen}
                editor={editor}
                look={look}
                onChoose={(id) => {
                  const chosen = boxes.some((one) => one.id === id) ? id : null
                  // An open field stays about the box that it was opened for.
                  if (chosen !== null || current.mode === null) select({ chosen })
                }}
              />
            )}
            {error && (
              <div className="review-error">
                <ErrorMessage
                  error={error}
                  retry={() => void (unit ? review.query.refetch() : queue.retry())}
                />
              </div>
            )}
          </section>
          <ReviewStrip
            unit={unit}
            images={data?.images ?? (unit ? [unit.first] : [])}
            frame={frame}
            onFrame={(to) =>
              select(current.mode === null ? { frame: to, chosen: null } : { frame: to })
            }
            next={units.slice(index + 1, index + 1 + NEXT_SHOWN)}
          />
          <aside className="review-panel" aria-label={t.decision}>
            {session.obstacle ? (
              <ReviewStopped why={session.obstacle} onResume={session.resume} />
            ) : data && proposal ? (
              <>
                <UnitHead
                  data={data}
                  own={review.whole ?? review.own.at(-1)}
                  isStarred={image?.starred ?? false}
                  onStar={() => image && void flipStar(project.id, image)}
                  onIndividual={act.openIndividual}
                  onComment={() => open("comment")}
                />
                {current.mode === "comment" ? (
                  <CommentField onSave={act.comment} onClose={() => select({ mode: null })} />
                ) : current.mode === "individual" && act.animal ? (
                  <IndividualField
                    project={project.id}
                    species={act.animal.name}
                    shownSpecies={getShownName(act.animal)}
                    recent={act.individuals}
                    onChoose={act.nameIndividual}
                    onClose={() => select({ mode: null })}
                  />
                ) : current.mode === "palette" ? (
                  <PaletteEditor recent={act.recent} onClose={() => select({ mode: null })} />
                ) : current.mode === "search" ? (
                  <SpeciesSearch
                    project={project.id}
                    recent={act.recent}
                    onChoose={(choice, stays, later) => {
                      assign(choice, stays)
                      applyKeys(later)
                    }}
                    onClose={() => select({ mode: null })}
                  />
                ) : (
                  <>
                    <ProposalView
                      proposal={proposal}
                      images={data.images.length}
                      count={current.count}
                      box={
                        box
                          ? {
                              number: at + 1,
                              total: boxes.length,
                              name: box.name,
                              common: box.common,
                              individual: box.individual_id,
                              confidence: box.confidence,
                            }
                          : null
                      }
                      accept={act.acceptText}
                      onAccept={act.accept}
                      counting={current.counting}
                      onCount={act.changeCount}
                      onBlank={() => decideWhole("blank")}
                      onUnsure={() => decideWhole("unsure")}
                      onSearch={() => open("search")}
                    />
                    <Palette
                      palette={palette}
                      proposed={new Set(proposal.taxa.map(({ name }) => name))}
                      isBox={box !== undefined}
                      onAssign={assign}
                      onEdit={() => select({ mode: "palette" })}
                      repeated={act.recent[0]}
                    />
                  </>
                )}
              </>
            ) : (
              <SkeletonRows rows={8} />
            )}
            {conflict}
            {last && <LastDecision step={last} onUndo={undo} />}
          </aside>
        </>
      )}
      <ShortcutHelp open={keysOpen} onClose={() => setKeysOpen(false)} groups={reviewKeys} />
    </main>
  )
}
