import type { Translation } from "../../ui/translation"
import type * as en from "./en"

export const sourceStateTexts: Translation<typeof en.sourceStateTexts> = {
  lastRun: "Letzter Lauf",
  health: {
    ok: "OK",
    failing: "Scheitert",
    no_images: "Keine Bilder",
    all_failing: "Alle Dateien scheitern",
    behind: "Im Rückstand",
    paused: "Pausiert",
    new: "Neu",
    running: "Läuft",
  },
  states: {
    seen: "wartet",
    imported: "importiert",
    duplicate: "bereits vorhanden",
    skipped: "übersprungen",
    failed: "fehlgeschlagen",
    quarantined: "in Quarantäne",
  },
  runStates: {
    running: "Läuft",
    completed: "Abgeschlossen",
    failed: "Fehlgeschlagen",
    interrupted: "Unterbrochen",
  },
}
