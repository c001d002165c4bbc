/** Builds the page in each language, into one folder. */
import { env } from "node:process"
import { build } from "vite"
import { LANGUAGES } from "./languages.ts"

for (const language of LANGUAGES) {
  env.PAGE_LANGUAGE = language
  await build({ logLevel: "warn" })
}
