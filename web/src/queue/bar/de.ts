import type { Translation } from "../../ui/translation"
import type * as en from "./en"

export const jobBarTexts: Translation<typeof en.jobBarTexts> = {
  progress: "Fortschritt",
}
