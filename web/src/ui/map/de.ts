import type { Translation } from "../translation"
import type * as en from "./en"

export const circleMapTexts: Translation<typeof en.circleMapTexts> = {
  canvas: "Karte. Pfeiltasten verschieben sie, Plus und Minus zoomen.",
  zoomIn: "Vergrößern",
  zoomOut: "Verkleinern",
  fit: "Alle zeigen",
  source: "Land: Natural Earth",
  tilesFailed: "Die Kartenkacheln konnten nicht geladen werden.",
  gestures: {
    "CooperativeGesturesHandler.WindowsHelpText": "Strg und Scrollen zoomt die Karte",
    "CooperativeGesturesHandler.MacHelpText": "⌘ und Scrollen zoomt die Karte",
    "CooperativeGesturesHandler.MobileHelpText":
      "Mit zwei Fingern lässt sich die Karte verschieben",
  },
}
