/**
 * A text on one line that is shortened in the middle if it is too long. Screen readers separate its
 * parts: the element around it needs the text as its label if `isDivided`.
 */

/** The number of characters at the end that are always shown; shorter texts are not divided. */
const END = 10
const DIVIDED = 24

export const isDivided = (text: string): boolean => text.length >= DIVIDED

export function MiddleText({ text }: { text: string }) {
  if (!isDivided(text)) return <span>{text}</span>
  const at = text.length - END
  return (
    <span className="middle-text" title={text}>
      <span>{text.slice(0, at)}</span>
      <span>{text.slice(at)}</span>
    </span>
  )
}
