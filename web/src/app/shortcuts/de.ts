import type { Translation } from "../../ui/translation"
import type * as en from "./en"

export const shortcutTexts: Translation<typeof en.shortcutTexts> = {
  title: "Tastenkürzel",
  open: (key) => `g, dann ${key}`,
  groups: [
    {
      name: "Überall",
      keys: [
        ["?", "Tastenkürzel anzeigen"],
        ["/", "suchen"],
        ["Esc", "Geöffnetes schließen"],
      ],
    },
    {
      name: "Bilder",
      keys: [
        ["← → ↑ ↓", "bewegen"],
        ["Enter", "öffnen"],
        ["x", "auswählen"],
        ["Umschalt + x", "bis hierher auswählen"],
        ["r", "Pipeline für die ausgewählten Bilder starten"],
      ],
    },
    {
      name: "Ein Bild",
      keys: [
        ["← → oder J K", "vorheriges, nächstes"],
        ["+ −", "vergrößern, verkleinern"],
        ["0", "Bild einpassen"],
        ["1", "ein Bildpixel je Bildschirmpixel"],
        ["Umschalt + Pfeile", "Bild verschieben"],
        ["y", "bestätigen"],
        ["x", "korrigieren"],
        ["n", "leer"],
        ["u", "unsicher"],
        ["m", "Kommentar"],
        ["z, Umschalt + z", "rückgängig, wiederholen"],
        ["d", "Rahmen zeichnen: Pfeile, Umschalt + Pfeile, Enter"],
        ["e, Entf", "ausgewählten Rahmen ändern, löschen"],
        ["a", "Erkennungen ein oder aus"],
        ["b, v", "Nachteinstellung, Regler"],
        ["f", "auf den Rahmen zoomen"],
        ["h, gehalten", "Erkennungen ausblenden"],
        ["g", "Lupe"],
        ["o", "Beobachtungen oder Modellausgabe"],
        ["c", "Vergleich nebeneinander ein oder aus"],
        ["i", "Informationen ein oder aus"],
        ["Tab, Umschalt + Tab", "nächste, vorherige Erkennung"],
        ["Esc", "Auswahl aufheben, zurück zu den Bildern"],
      ],
    },
  ],
}
