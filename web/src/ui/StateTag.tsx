/** A state as shape, colour and text. */

export type StateLook = "good" | "now" | "off" | "amber" | "bad"

export function StateTag({
  look = "off",
  state,
  text,
}: {
  look?: StateLook
  state: string
  text: string
}) {
  return (
    <span className={`state state-${look}`} data-state={state}>
      {text}
    </span>
  )
}
