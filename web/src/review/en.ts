/** The words of what people say of findings and images. A part of the English catalogue. */

export const reviewTexts = {
  title: "Review", of: "Of", wholeImage: "the whole image", chooseHint: "Choose a finding to speak of it alone.",
  does: { confirm: "Confirm", correct: "Correct", blank: "Blank", unsure: "Unsure", comment: "Comment" },
  undo: "Undo", nothingToUndo: "Nothing that you said here is left to undo.", noResult: "No model has finished with this image yet: say what it shows.",
  said: {
    confirm: (what: string) => `Confirmed: ${what}.`, correct: (what: string) => `Corrected: ${what}.`, blank: (what: string) => `Blank: ${what}.`,
    unsure: (what: string) => `Unsure: ${what}.`, comment: () => "The comment is kept.",
  },
  withdrawn: "Withdrawn. What was said before holds again.",
  isIt: "What is it?", isItHint: "From the list, or your own words", inOwnWords: (name: string) => `“${name}” in these words`, synonymOf: (name: string) => `stands for ${name}`,
  more: "Count, sex, life stage, behaviour", count: "Count", sex: "Sex", lifeStage: "Life stage", behaviour: "Behaviour", notSaid: "Not said",
  sexes: { female: "Female", male: "Male" }, lifeStages: { adult: "Adult", subadult: "Subadult", juvenile: "Juvenile" },
  comment: "Comment", save: "Save", cancel: "Cancel",
  history: "What people said", none: "Nobody has said anything of this image yet.",
  kinds: { confirm: "confirmed", correct: "corrected", blank: "blank", unsure: "unsure", comment: "comment" } as Record<string, string>,
  ofImage: "whole image", ofOther: "a finding that is not shown", gone: "withdrawn", withdraw: "Withdraw", more100: "The newest hundred are shown.",
  holds: (kind: string, label: string | null | undefined) =>
    kind === "correct" ? `→ ${label ?? ""}` : ({ confirm: "✓ confirmed", blank: "∅ blank", unsure: "? unsure" } as Record<string, string>)[kind] ?? kind,
  times: (count: number) => `× ${count}`,
}
