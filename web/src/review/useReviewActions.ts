/** The actions of a reviewer on the current unit. */
import { useState } from "react"
import { showToast } from "../ui/Toasts"
import { reviewTexts, reviewScreenTexts as t } from "./en"
import { outboxTexts } from "./outbox/en"
import {
  buildAcceptance,
  buildAssignment,
  buildStatement,
  buildWholeDecision,
  countAnimals,
  getShownName,
  type TaxonChoice,
} from "./proposal"
import { setLastName } from "./useDrawnBoxes"
import type { ReviewSession, StepInput } from "./useReviewSession"
import type { ReviewQueue, ReviewUnitState } from "./useReviewUnit"

const MAX_RECENT = 5

const listShown = (some: readonly { name: string; common?: string | null }[]) =>
  some.map((one) => ({ name: one.name, shown: getShownName(one) }))
export const MAX_COUNT = 1_000_000

export function useReviewActions(
  session: ReviewSession,
  queue: ReviewQueue,
  review: ReviewUnitState,
) {
  const { index, go } = session
  const { unit, data, proposal, frame, boxes, current, select } = review
  /** The species that were assigned, the last one first. */
  const [recent, setRecent] = useState<readonly TaxonChoice[]>([])
  /** The individuals that were named, the last one first. */
  const [individuals, setIndividuals] = useState<readonly string[]>([])
  const at = boxes.findIndex(({ id }) => id === current.chosen)
  const box = boxes[at]
  /** Whether the selected box was deleted meanwhile: the decision is not about the whole unit. */
  const isLost = (): boolean => {
    const isGone = data !== undefined && current.chosen !== null && box === undefined
    if (isGone) {
      showToast(t.boxGone, true)
      select({ chosen: null, mode: null })
    }
    return isGone
  }
  const proposedText = !proposal
    ? ""
    : proposal.state === "taxa"
      ? proposal.taxa
          .map((one) =>
            t.times(
              getShownName(one),
              proposal.taxa.length === 1 ? (current.count ?? one.count) : one.count,
            ),
          )
          .join(", ")
      : t.blankProposal

  const step = (by: number) => {
    const to = index + by
    if (to >= 0 && (to < queue.units.length || !queue.hasNextPage))
      go(Math.min(to, queue.units.length))
  }
  /** Record a decision; after a box the next box is selected, after the last one the next unit. */
  const record = (input: Omit<StepInput, "frame" | "dataAge">) => {
    if (!unit || !data) return
    const following = box && !input.stays ? boxes[at + 1] : undefined
    session.decide(index, unit, data, {
      ...input,
      frame,
      dataAge: Date.now() - review.query.dataUpdatedAt,
      box: box?.id ?? null,
      stays: input.stays || following !== undefined,
    })
    select({
      mode: null,
      counting: null,
      ...(following ? { chosen: following.id, frame: following.frame } : {}),
    })
  }
  const accept = () => {
    if (!unit || !data || !proposal || isLost()) return
    if (box) {
      record({
        body: { kind: "confirm", annotations: [box.id] },
        explicit: {
          kind: "correct",
          annotations: [box.id],
          ...(box.taxon_id ? { taxon: box.taxon_id } : { label: box.label ?? box.name }),
        },
        text: getShownName(box),
        species: listShown([box]),
      })
      return
    }
    if (current.count !== null && proposal.taxa.length !== 1) {
      showToast(t.countOfOneSpecies(current.count), true)
      return
    }
    const isKept = review.whole !== undefined && current.count === null
    const open = isKept ? null : buildAcceptance(unit, data.images, proposal, current.count)
    // In a set, what the user decided earlier is accepted again.
    const isAgain = !isKept && unit.ofSet && proposal.state !== "none"
    const body = open ?? (isAgain ? buildWholeDecision("confirm", unit, data.images) : null)
    const species = listShown(proposal.taxa)
    const explicit = buildStatement(unit, data.images, proposal)
    if (body) record({ body, explicit, text: proposedText, species, label: proposal.taxa[0]?.name })
    else step(1)
  }
  const assign = (choice: TaxonChoice, stays = false) => {
    if (!unit || !data || !proposal || isLost()) return
    setLastName(review.project, { taxon: choice.taxon, label: choice.name })
    const named = choice.taxon ? { taxon: choice.taxon } : { label: choice.name }
    const count = current.count ?? countAnimals(proposal)
    const body = box
      ? { kind: "correct" as const, annotations: [box.id], ...named }
      : buildAssignment(unit, data.images, proposal, choice, count)
    setRecent((old) =>
      [choice, ...old.filter(({ name }) => name !== choice.name)].slice(0, MAX_RECENT),
    )
    record({
      body,
      text: t.times(getShownName(choice), box ? null : count),
      species: listShown([choice]),
      label: choice.name,
      stays,
    })
  }
  const decideWhole = (verdict: "blank" | "unsure") => {
    if (!unit || !data || isLost()) return
    const body = box
      ? { kind: verdict, annotations: [box.id] }
      : buildWholeDecision(verdict, unit, data.images)
    record({ body, text: verdict === "blank" ? t.blank : t.unsure })
  }
  /** The one animal that an individual can be named for; null if there are several or none. */
  const animal =
    box && box.kind !== "blank"
      ? { name: box.name, common: box.common, taxon: box.taxon_id, label: box.label ?? box.name }
      : proposal?.taxa.length === 1 && (current.count ?? countAnimals(proposal)) === 1
        ? (proposal.taxa[0] ?? null)
        : null
  const openIndividual = () => {
    if (!data) return
    if (animal) select({ mode: "individual" })
    else showToast(t.individualNeedsOne, true)
  }
  const nameIndividual = (name: string, stays = false) => {
    if (!unit || !data || !proposal || !animal || isLost()) return
    const choice = { name: animal.taxon ? animal.name : animal.label, taxon: animal.taxon }
    const body = box
      ? {
          kind: "correct" as const,
          annotations: [box.id],
          ...(choice.taxon ? { taxon: choice.taxon } : { label: choice.name }),
        }
      : buildAssignment(unit, data.images, proposal, choice, 1)
    setIndividuals((old) => [name, ...old.filter((one) => one !== name)].slice(0, MAX_RECENT))
    record({
      body: { ...body, individual_id: name },
      text: t.individualText(getShownName(animal), name),
      species: listShown([animal]),
      label: animal.name,
      stays,
    })
  }
  const comment = (text: string) => {
    const image = data?.images[frame]
    if (!unit || !image || isLost()) return
    const about = box ? { annotations: [box.id] } : { images: [image.id] }
    const body = { kind: "comment" as const, comment: text, ...about }
    record({ body, text: t.commented, stays: true })
  }
  const repeat = () => {
    const last = recent[0]
    if (last) assign(last)
    else showToast(t.nothingToRepeat)
  }
  const undo = () => {
    const done = session.undo()
    // A box that is not drawn any more cannot be selected.
    const isUndrawn = done?.decision.act === "box" && done.decision.before === null
    const chosen = done && !isUndrawn ? done.box : null
    if (done) {
      select({ chosen, frame: done.frame, mode: null }, done.unit.key)
      return
    }
    const earlier = session.undoEarlier()
    const place = queue.units.findIndex(({ key }) => key === earlier?.unit.key)
    if (place >= 0) go(place)
    showToast(
      earlier ? outboxTexts.tookBack(earlier.text, earlier.unit.first.filename) : t.nothingToUndo,
    )
  }
  const redo = () => {
    const earlier = session.redoEarlier()
    if (earlier) {
      showToast(reviewTexts.redone(earlier.text, earlier.unit.first.filename))
      return
    }
    const again = session.redo()
    if (!again) {
      showToast(t.nothingToRedo)
      return
    }
    // As after it was drawn, the box is selected.
    if (again.decision.act === "box" && again.decision.after)
      select({ chosen: again.box, frame: again.frame }, again.unit.key)
  }
  const turn = (by: number) => {
    const to = frame + by
    if (data && to >= 0 && to < data.images.length) select({ frame: to, chosen: null })
  }
  const cycle = (): boolean => {
    const next = boxes[(at + 1) % boxes.length]
    if (next) select({ chosen: next.id, frame: next.frame })
    return next !== undefined
  }
  /** Add a digit to the count that is typed; false if no count is typed. */
  const typeCount = (digit: string): boolean => {
    if (current.counting === null) return false
    const counting = current.counting + digit
    const count = Number(counting)
    if (count >= 1 && count <= MAX_COUNT) select({ counting, count })
    return true
  }
  const changeCount = (by: number) => {
    const base = current.count ?? (proposal ? countAnimals(proposal) : null) ?? 1
    select({ count: Math.min(Math.max(base + by, 1), MAX_COUNT) })
  }
  const isKept =
    proposal !== null &&
    (review.whole !== undefined ||
      (proposal.open.length + proposal.openBoxes.length === 0 && !unit?.ofSet))
  const acceptText = box
    ? t.acceptBox(at + 1)
    : proposal?.state === "none"
      ? t.skip
      : isKept && current.count === null
        ? t.keep
        : t.accept(proposedText)
  return {
    at,
    box,
    recent,
    acceptText,
    accept,
    assign,
    decideWhole,
    comment,
    animal,
    individuals,
    openIndividual,
    nameIndividual,
    repeat,
    undo,
    redo,
    step,
    turn,
    cycle,
    typeCount,
    changeCount,
  }
}
