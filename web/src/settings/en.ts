/** English texts of the audit. */
import { formatCount } from "../ui/en"

export const auditTexts = {
  title: "Audit", text: "Who changed something in this project, and who read whole pictures and exports, the newest first. Nothing here can be changed.",
  onlyOwners: "Only owners of the project read who did what. Ask one of them.",
  noneTitle: "Nothing has been done yet", none: "What people and programs change in this project is told here.", noMatchTitle: "Nothing fits these filters", noMatch: "Take some away to see more.",
  entries: (count: number) => `${formatCount(count)} ${count === 1 ? "entry" : "entries"}`,
  at: "When", who: "Who", what: "What", toWhat: "To what", written: "Written down", address: "From where", details: "Details", nowhere: "Trapline itself", request: "Request", id: "Id", clear: "Clear filters",
  anybody: "Anybody", anyAction: "Anything done", anyKind: "To anything", since: "Since",
  the: (kind: string) => `the ${kind}`,
  /** What was done, so that "the job" can follow. */
  actions: {
    create: "made", change: "changed", delete: "deleted", run: "ran", cancel: "canceled", pause: "paused", resume: "let go on", retry: "tried again", upload: "uploaded", fetch: "fetched",
    download: "downloaded", export: "exported", annotate: "added findings to", register: "registered", evict: "evicted", revoke: "revoked", test: "tested", replay: "sent again what was told to",
    disable: "switched off", "rotate secret": "made a new secret for", "make event secret": "made a secret for the events of", "end event secret": "ended the secret for the events of",
    ask: "asked for", end: "ended", "analysis processing": "began", "analysis completed": "completed", "analysis failed": "gave up", "delete orphan": "cleared away", add: "added", remove: "removed", restore: "restored", import: "imported", map: "changed what is meant by",
    "set clock": "set the clock of", "delete for good": "let go for good",
    identify: "identified", withdraw: "withdrew what was said of",
  } as Record<string, string>,
  kinds: {
    job: "job", source: "source", deployment: "deployment", image: "image", analysis: "analysis", artifact: "artifact", preset: "preset", taxon: "taxon", label: "label", webhook: "webhook", worker: "worker",
    processing_service: "processing service", callback_key: "callback key", notice: "notice", project: "project", member: "member", token: "token",
  } as Record<string, string>,
}
