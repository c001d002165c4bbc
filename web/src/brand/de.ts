import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const brandTexts: Translation<typeof en.brandTexts> = {
  product: "Trapline",
  tagline: "Von der Fotofalle im Gelände zur geprüften Beobachtung.",
}
