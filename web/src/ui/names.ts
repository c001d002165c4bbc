/** Return the initials of a person's name, or of an e-mail address: at most two letters. */
export function getInitials(name: string): string {
  const words = (name.split("@")[0] ?? "").split(/[\s._-]+/u).filter(Boolean)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => [...(word ?? "")][0] ?? "",
  )
  return letters.join("").toUpperCase()
}

const LONGEST = 40

/** Shorten a text in the middle: the ends of file names and titles differ most. */
export function shortenMiddle(text: string, longest = LONGEST): string {
  const letters = [...text]
  if (letters.length <= longest) return text
  const head = Math.ceil((longest - 1) / 2)
  return `${letters.slice(0, head).join("")}…${letters.slice(head + 1 - longest).join("")}`
}
