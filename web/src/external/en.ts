import { formatCount, formatPlural } from "../ui/en"

export const integrationTexts = {
  keys: "Callback keys",
  checker: "Signature checker",
  make: "Create key",
  noneTitle: "No key yet",
  none: "An external pipeline signs its requests. Create a key for its service, and set it in the pipeline's environment.",
  keysText:
    "External pipelines sign their requests with these keys. Each key belongs to one service and is valid for the listed projects.",
  onlyOwners: "Only owners of the project create, rotate and revoke keys.",
  onlyOwnersCheck:
    "Only owners of the project check signatures. Ask one of them to look at the request.",
  guide: "How to sign, with programs to copy: docs/external-pipelines, and the",
  sharedOff:
    "While the server accepts the shared secret, anyone who knows it can write to any analysis. When every pipeline signs with its own key, ask the operator to disable the shared secret:",
  key: "Key",
  service: "Service",
  name: "Name",
  projects: "Projects",
  made: "Created",
  used: "Last used",
  state: "State",
  actions: "Actions",
  active: "active",
  revoked: "revoked",
  replacing: "the newer key has not been used yet",
  replaced: "the newer key is in use: revoke this one",
  beside: "in use together with a newer key",
  rotate: "Rotate",
  rotateOne: (key: string) => `Rotate ${key}`,
  revoke: "Revoke",
  revokeOne: (key: string) => `Revoke ${key}`,
  makeTitle: "Create callback key",
  serviceHint:
    "The program that runs the pipeline, such as deer-net. A new name creates a new service.",
  nameHint: "Where the key is used, such as the name of the machine.",
  makeGo: "Create key",
  alsoFor: (count: number) =>
    count === 0
      ? "Valid for this project; select others"
      : `Valid for this project and ${formatPlural(count, "other", "others")}`,
  shownOnce:
    "The secret is shown only once. Trapline stores it encrypted and cannot show it again.",
  secret: "Secret",
  environment: "For the pipeline's environment",
  rotateTitle: (name: string) => `Rotate “${name}”`,
  rotateGo: "Create second key",
  rotateSteps: (service: string, key: string) => [
    `A second key for ${service} is created now. Both keys are valid at the same time, so nothing stops.`,
    "Set the second key in the pipeline, and run it.",
    `When “Last used” of the second key has a time, revoke ${key}.`,
  ],
  rotateLeft: (projects: string[]) =>
    `The old key is also valid for ${projects.join(", ")}, where you are not an owner: the second key is not. Ask an owner there before you revoke the old key.`,
  rotated: (key: string) =>
    `Both keys are valid now. Set this one in the pipeline, then revoke ${key}.`,
  revokeAsk: (name: string) => `Revoke “${name}”?`,
  revokeText: (key: string, projects: string[]) =>
    `Requests signed with ${key} are refused, in ${projects.join(", ")}. Results that it sent are kept. This cannot be undone.`,
  revokeGo: "Revoke key",
  revokedToast: "Key revoked. Requests signed with it are refused.",
  checkerText:
    "Paste a request that was refused with 401 to see which part of its signature is wrong. Nothing is stored, and no secret is required.",
  paste: "The request",
  pasteHint:
    "A curl command, or raw HTTP with its headers and body. Only the X-ML- headers are checked.",
  pasteExample:
    'PATCH /api/analyses/…/status HTTP/1.1\nX-ML-Timestamp: 1767225600\nX-ML-Signature: v2=…\n\n{"status": "processing"}',
  notes: {
    unread: "This is neither a curl command nor raw HTTP. Fill in the fields below.",
    repeated: "A header occurs more than once: the server refuses that. The first one is checked.",
    variable: "The request contains a shell variable. Enter the value that was sent.",
    file: "The body comes from a file. Paste its content into the body below.",
    form: "The bytes of a multipart form cannot be determined here. Callbacks use JSON.",
  } as Record<string, string>,
  byHand: "Parsed request; correct it if it is wrong",
  method: "Method",
  target: "Path and query",
  onlyV2: "Only in version 2.",
  body: "Body",
  bodyHint: "Byte for byte as it was sent; every space and line break counts.",
  signed: "What you signed",
  signedHint:
    "The text that your program passes to the HMAC: the first byte that differs is shown.",
  check: "Check signature",
  result: "Result",
  noResult: "The result is shown here.",
  holds: "The signature is valid.",
  holdsNot: "The signature is not valid.",
  well: "is valid",
  wrong: "is wrong",
  unseen: "Not checked, because of the error above.",
  parts: { headers: "Headers", timestamp: "Time", key: "Key", signature: "Signature" } as Record<
    string,
    string
  >,
  wrongSecret:
    "You signed the right message: the secret or the digest is different. The digest is the HMAC-SHA256 with the secret's text as its key, as 64 hexadecimal digits.",
  expected: "Expected message",
  expectedV2:
    "Seven lines: the version, the time, the nonce, the method, the path, the query without its question mark, and the SHA-256 of the body; a line break between them, none at the end.",
  expectedV1: "The time, a dot, and the body.",
  serverSigns: "The server signs",
  youSigned: "You signed",
  same: "Your message is identical.",
  end: "the end",
  differs: (byte: number, expected: string, signed: string) =>
    `They differ from byte ${formatCount(byte)} on: the server has ${expected} there, you have ${signed}.`,
  bytes: {
    end: "the end of the text",
    newline: "a line break",
    carriage: "a carriage return",
    space: "a space",
    tab: "a tab",
  },
  apiDocs: "API documentation",
}
