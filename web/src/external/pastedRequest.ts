/** Parses a pasted request, a curl command or raw HTTP, without adding or normalizing anything. */

export interface ParsedRequest {
  method: string
  /** Path and query, unchanged. */
  target: string
  headers: [name: string, value: string][]
  body: string
  /** Notes about the parsing for the user. */
  notes: RequestNote[]
}

export type RequestNote = "unread" | "repeated" | "variable" | "file" | "form"

const SIGNED_HEADERS = /^x-ml-(signature|timestamp|nonce|key-id)$/i

/** Parse a pasted text as far as possible. */
export function parseRequest(text: string): ParsedRequest {
  const clean = text.replace(/\r\n?/g, "\n")
  const read = /^\s*(\$\s+)?curl(\.exe)?\s/.test(clean) ? parseCurl(clean) : parseRawRequest(clean)
  const names = read.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => SIGNED_HEADERS.test(name))
  if (new Set(names).size < names.length) read.notes.push("repeated")
  const signed = read.headers
    .filter(([name]) => SIGNED_HEADERS.test(name))
    .map(([, value]) => value)
  if ([read.target, ...signed].some((value) => /\$[A-Za-z_{(]/.test(value)))
    read.notes.push("variable")
  if (!read.target && names.length === 0) read.notes.push("unread")
  return read
}

/** Return the first value of a header; empty text if there is no such header. */
export function getHeader(read: ParsedRequest, name: string): string {
  return read.headers.find(([one]) => one.toLowerCase() === name)?.[1] ?? ""
}

function parseRawRequest(text: string): ParsedRequest {
  const lines = text.replace(/^\n+/, "").split("\n")
  const first = /^([A-Za-z]{1,10}) +(\S+)(?: +HTTP\/[\d.]+)?\s*$/.exec(lines[0] ?? "")
  const headers: [string, string][] = []
  let at = first ? 1 : 0
  for (; at < lines.length && lines[at] !== ""; at += 1) {
    const header = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(lines[at] ?? "")
    if (header) headers.push([header[1] ?? "", header[2] ?? ""])
  }
  return {
    method: first?.[1]?.toUpperCase() ?? "",
    target: parseRequestTarget(first?.[2] ?? ""),
    headers,
    body: lines.slice(at + 1).join("\n"),
    notes: [],
  }
}

/** Return path and query of a URL unchanged, without scheme and host. */
function parseRequestTarget(address: string): string {
  const rest = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*([^#]*)/i.exec(address)?.[1] ?? ""
  return rest.startsWith("?") ? `/${rest}` : rest || (address ? "/" : "")
}

const LONG_OPTIONS = new Set(
  (
    "request header data data-raw data-binary data-ascii data-urlencode json url form upload-file user-agent cookie cookie-jar referer config max-time output user " +
    "write-out proxy connect-timeout retry retry-delay cacert cert key resolve connect-to interface dump-header limit-rate max-redirs range ciphers"
  ).split(" "),
)
const SHORT_OPTIONS: Record<string, string> = {
  X: "request",
  H: "header",
  d: "data",
  F: "form",
  T: "upload-file",
  G: "get",
  I: "head",
}
const SHORT_OPTIONS_WITH_VALUE = "XHdFTAbceKmouwxErYyzDCtQ"

function parseCurl(text: string): ParsedRequest {
  const read: ParsedRequest = { method: "", target: "", headers: [], body: "", notes: [] }
  const data: string[] = []
  const flags = new Set<string>()
  let address = ""
  const use = (option: string, value: string) => {
    flags.add(option)
    if (option === "request") read.method = value.toUpperCase()
    else if (option === "url") address = value
    else if (option === "header") {
      const cut = value.indexOf(":")
      if (cut > 0) read.headers.push([value.slice(0, cut).trim(), value.slice(cut + 1).trim()])
    } else if (option === "form") read.notes.push("form")
    else if (option === "upload-file" || option === "data-urlencode") read.notes.push("file")
    else if (option === "json" || option.startsWith("data")) {
      if (value.startsWith("@") && option !== "data-raw") read.notes.push("file")
      else data.push(value)
    }
  }
  const given = splitShellWords(text).slice(1)
  for (let at = 0; at < given.length; at += 1) {
    const word = given[at] ?? ""
    if (word.startsWith("--")) {
      const option = word.slice(2)
      if (LONG_OPTIONS.has(option)) at += 1
      use(option, LONG_OPTIONS.has(option) ? (given[at] ?? "") : "")
    } else if (word.startsWith("-") && word.length > 1) {
      for (let letter = 1; letter < word.length; letter += 1) {
        const short = word[letter] ?? ""
        const takes = SHORT_OPTIONS_WITH_VALUE.includes(short)
        const attached = word.slice(letter + 1)
        if (takes && !attached) at += 1
        use(SHORT_OPTIONS[short] ?? short, takes ? attached || (given[at] ?? "") : "")
        if (takes) break
      }
    } else address ||= word
  }
  const sent = data.join(flags.has("json") ? "" : "&")
  read.target = parseRequestTarget(address)
  if (flags.has("get")) read.target += sent && `${read.target.includes("?") ? "&" : "?"}${sent}`
  else read.body = sent
  const usual = flags.has("head")
    ? "HEAD"
    : flags.has("upload-file")
      ? "PUT"
      : !flags.has("get") &&
          ["data", "json", "form"].some((one) => [...flags].some((flag) => flag.startsWith(one)))
        ? "POST"
        : "GET"
  read.method ||= usual
  return read
}

const ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "0": "\0",
}

/** Split the first shell command into words without quotes; the rest of the line is ignored. */
function splitShellWords(text: string): string[] {
  const found: string[] = []
  let word: string | null = null
  for (let at = text.search(/curl/); at < text.length; at += 1) {
    const here = text[at] ?? ""
    const next = text[at + 1] ?? ""
    if (here === "\\") {
      at += 1
      if (next !== "\n") word = (word ?? "") + next
    } else if (here === "'" || (here === "$" && next === "'")) {
      const escaped = here === "$"
      word ??= ""
      for (at += escaped ? 2 : 1; at < text.length && text[at] !== "'"; at += 1) {
        if (escaped && text[at] === "\\") {
          at += 1
          word += ESCAPES[text[at] ?? ""] ?? text[at] ?? ""
        } else word += text[at]
      }
    } else if (here === '"') {
      word ??= ""
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
        if (text[at] === "\\" && text[at + 1] === "\n") at += 1
        else if (text[at] === "\\" && '"\\$`'.includes(text[at + 1] ?? " ")) {
          at += 1
          word += text[at]
        } else word += text[at]
      }
    } else if (/\s/.test(here) || "|;&<>".includes(here)) {
      if (word !== null) found.push(word)
      word = null
      if (here === "\n" || !/\s/.test(here)) break
    } else word = (word ?? "") + here
  }
  if (word !== null) found.push(word)
  return found
}
