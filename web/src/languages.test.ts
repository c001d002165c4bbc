/** The catalogues of all languages are complete, and all text is in a catalogue. */
import { describe, expect, test } from "vitest"
import { findLiteralText } from "./literalText"

/** Examples and technical names that are the same in all languages. */
const SAME_IN_ALL_LANGUAGES = new Set([
  "(Linnaeus, 1758)",
  "/events",
  "/image-pull-sources/",
  "X-ML-Key-Id",
  "X-ML-Nonce",
  "X-ML-Signature",
  "X-ML-Timestamp",
  "night",
  'pip install ".[worker-cpu]"',
  "ssh-ed25519 AAAA…",
  "trapline register",
  "trapline worker",
  "us-east-1",
])
const WEB_ADDRESS = /^https?:\/\/\S+$/

type Catalogue = Record<string, unknown>

const english = import.meta.glob<Catalogue>("./**/en.ts", { eager: true })
const german = import.meta.glob<Catalogue>("./**/de.ts", { eager: true })
const sources = import.meta.glob<string>(
  ["./**/*.{ts,tsx}", "!./**/{en,de}.ts", "!./**/*.de.ts", "!./**/*.test.ts", "!./api/schema.d.ts"],
  { eager: true, query: "?raw", import: "default" },
)
const features = Object.keys(english).map((path) => path.slice(2, -"/en.ts".length))
const inGerman = (feature: string) => german[`./${feature}/de.ts`] ?? {}
const inEnglish = (feature: string) => english[`./${feature}/en.ts`] ?? {}

/** Forms that only German grammar requires. */
const GERMAN_ONLY = new Set(["images.formatOfImages(1)"])

/** List the messages of a catalogue: their paths, and the number of parameters of each. */
function listMessages(value: unknown, path = ""): string[] {
  if (typeof value === "function") return [`${path}(${value.length})`]
  if (typeof value !== "object" || value === null) return [path]
  return Object.entries(value).flatMap(([key, part]) => listMessages(part, `${path}.${key}`))
}

/** List the texts of a catalogue; of a message with parameters, the parts that are text. */
function listTexts(value: unknown): string[] {
  if (typeof value === "function")
    return [(String(value).match(/`[^`]*`|"[^"]*"/g) ?? []).join(" ")]
  if (typeof value !== "object" || value === null) return [String(value)]
  return Object.values(value).flatMap(listTexts)
}

/** Two words in lower case: names and single words can be the same in both languages. */
const PHRASE = /(?:^|[^\p{L}$.])\p{Ll}{2,} \p{Ll}{2,}/u

describe.each(features)("%s", (feature) => {
  test("German has the same messages as English", () => {
    const own = listMessages(inGerman(feature)).filter((path) => !GERMAN_ONLY.has(feature + path))
    expect(own.toSorted()).toEqual(listMessages(inEnglish(feature)).toSorted())
  })

  test("no German message is still in English", () => {
    const untranslated = listTexts(inGerman(feature)).filter(
      (text) => PHRASE.test(text) && listTexts(inEnglish(feature)).includes(text),
    )
    expect(untranslated).toEqual([])
  })
})

test("no text of the page is outside its catalogues", () => {
  const found = Object.entries(sources).flatMap(([path, source]) =>
    findLiteralText(path, source)
      .filter(({ text }) => !SAME_IN_ALL_LANGUAGES.has(text) && !WEB_ADDRESS.test(text))
      .map(({ line, text }) => `${path}:${line}: ${text}`),
  )
  expect(found).toEqual([])
}, 60_000)

test("text outside a catalogue is found", () => {
  const source = `
    const saved = "The file was not stored."
    showToast(count === 1 ? "Gone" : t.gone)
    const view = <p aria-label={\`Box \${name}\`} className="soft small">Hello {ok && "done"} {t.title}</p>
  `
  expect(findLiteralText("x.tsx", source).map(({ text }) => text)).toEqual([
    "The file was not stored.",
    "Gone",
    "Box",
    "Hello",
    "done",
  ])
})
