/** English texts of external pipelines, their keys and signatures. */
import { formatCount, formatPlural } from "../ui/en"

export const integrationTexts = {
  keys: "Callback keys",
  checker: "Signature checker",
  make: "Make a key",
  noneTitle: "No key yet",
  none: "An outside pipeline signs what it hands in. Make a key for its service, and put it into the pipeline's environment.",
  keysText:
    "Outside pipelines sign with these what they hand in. Each key is of one service and good for the projects named.",
  onlyOwners: "Only owners of the project make, rotate and revoke keys.",
  onlyOwnersCheck:
    "Only owners of the project check signatures. Ask one of them to look at the request.",
  guide:
    "How to sign, with programs to copy: docs/external-pipelines, which comes with Trapline, and the",
  sharedOff:
    "While the server takes the shared secret, whoever knows it can write into any analysis. Once every pipeline signs with a key of its own, let the operator switch it off:",
  key: "Key",
  service: "Service",
  name: "Name",
  projects: "Projects",
  made: "Made",
  used: "Last used",
  state: "State",
  actions: "Actions",
  active: "active",
  revoked: "revoked",
  replacing: "a newer one waits to be used",
  replaced: "a newer one is in use: revoke this",
  beside: "in use beside a newer one",
  rotate: "Rotate",
  rotateOne: (key: string) => `Rotate ${key}`,
  revoke: "Revoke",
  revokeOne: (key: string) => `Revoke ${key}`,
  makeTitle: "Make a callback key",
  serviceHint: "What runs the pipeline, such as deer-net. A new name makes a new service.",
  nameHint: "Where the key will be, such as the machine: so that you find it again.",
  makeGo: "Make the key",
  alsoFor: (count: number) =>
    count === 0
      ? "Good for this project; for others, too?"
      : `Good for this project and ${formatPlural(count, "other", "others")}`,
  shownOnce: "The secret is shown only now. Trapline keeps it sealed and cannot show it again.",
  secret: "Secret",
  environment: "For the pipeline's environment",
  rotateTitle: (name: string) => `Rotate “${name}”`,
  rotateGo: "Make the second key",
  rotateSteps: (service: string, key: string) => [
    `A second key for ${service} is made now. Both are good side by side, so nothing stops.`,
    "Put the second one into the pipeline, and let it run.",
    `When the second one says when it was last used, revoke ${key}.`,
  ],
  rotateLeft: (projects: string[]) =>
    `The old key is also good for ${projects.join(", ")}, where you are no owner: the second one will not be. Ask an owner there before you revoke the old one.`,
  rotated: (key: string) =>
    `Both keys are good now. Put this one into the pipeline, then revoke ${key}.`,
  revokeAsk: (name: string) => `Revoke “${name}”?`,
  revokeText: (key: string, projects: string[]) =>
    `From now on nothing that ${key} signs is taken, in ${projects.join(", ")}. What it handed in stays. This cannot be undone.`,
  revokeGo: "Revoke the key",
  revokedToast: "The key is revoked. Nothing that it signs is taken any more.",
  checkerText:
    "A call was refused with 401? Paste it as it was sent, and see which part of its signature is wrong. Nothing is stored, and no secret is asked for.",
  paste: "The request",
  pasteHint:
    "A curl command, or raw HTTP with its headers and body. Only the X-ML- headers are looked at.",
  pasteExample:
    'PATCH /api/analyses/…/status HTTP/1.1\nX-ML-Timestamp: 1767225600\nX-ML-Signature: v2=…\n\n{"status": "processing"}',
  notes: {
    unread: "This reads like neither a curl command nor raw HTTP. Fill the fields below by hand.",
    repeated:
      "A header stands there more than once: the server refuses that. The first one is looked at.",
    variable: "A variable of the shell stands in it. Put in what was really sent.",
    file: "The body comes from a file. Paste its content into the body below.",
    form: "A form is sent in pieces whose bytes cannot be told from here. Callbacks take JSON.",
  } as Record<string, string>,
  byHand: "What was read from it; correct it where it is wrong",
  method: "Method",
  target: "Path and query",
  onlyV2: "Only in version 2.",
  body: "Body",
  bodyHint: "Byte for byte as it was sent; every space and line break counts.",
  signed: "What you signed",
  signedHint:
    "The text that your program puts into the HMAC: the first byte that differs is shown.",
  check: "Check the signature",
  result: "Result",
  noResult: "What is found is shown here.",
  holds: "The signature holds.",
  holdsNot: "The signature does not hold.",
  well: "holds",
  wrong: "is wrong",
  unseen: "Not looked at, because of what is wrong above.",
  parts: { headers: "Headers", timestamp: "Time", key: "Key", signature: "Signature" } as Record<
    string,
    string
  >,
  wrongSecret:
    "You signed the right message: so the secret is another one, or the digest is made in another way. It is the HMAC-SHA256 with the secret's text as its key, as 64 hexadecimal digits.",
  expected: "What should be signed",
  expectedV2:
    "Seven lines: the version, the time, the nonce, the method, the path, the query without its question mark, and the SHA-256 of the body; a line break between them, none at the end.",
  expectedV1: "The time, a dot, and the body.",
  serverSigns: "The server signs",
  youSigned: "You signed",
  same: "What you signed is exactly this.",
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
