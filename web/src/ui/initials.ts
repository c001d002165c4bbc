/** Return the initials of a name, or the first two letters of an e-mail address. */
export function getInitials(name: string): string {
  const words = (name.split("@")[0] ?? "").split(/[\s._-]+/).filter(Boolean)
  const [first = "", last = ""] = [words[0], words.length > 1 ? words.at(-1) : ""]
  const letters = last
    ? [...first].slice(0, 1).concat([...last].slice(0, 1))
    : [...first].slice(0, 2)
  return letters.join("").toUpperCase()
}
