import { choosePlural, formatPlural } from "../../ui/de"
import type { Translation } from "../../ui/translation"
import type * as en from "./en"

const deployments = (count: number) => formatPlural(count, "Standort", "Standorte")

export const compassTexts: Translation<typeof en.compassTexts> = {
  east: "O",
  west: "W",
  north: "N",
  south: "S",
}

export const mapTexts: Translation<typeof en.mapTexts> = {
  map: "Karte",
  label:
    "Karte der Standorte. Pfeiltasten verschieben sie, Plus und Minus vergrößern und verkleinern, 0 zeigt alle.",
  zoomIn: "Vergrößern",
  zoomOut: "Verkleinern",
  fit: "Alle anzeigen",
  one: (name, silent, badge) =>
    [name, silent && "ohne neue Bilder", badge].filter(Boolean).join(", "),
  together: (count, silent) =>
    `${deployments(count)} nahe beieinander${silent ? ", teils ohne neue Bilder" : ""}: vergrößern`,
  scale: (length) => `Maßstab: Der Balken ist ${length} lang`,
  lastImage: "Letztes Bild",
  noImage: "Noch kein Bild",
  silentSince: "Ohne neue Bilder. Das letzte Bild ist von",
  close: "Schließen",
  seeImages: "Bilder ansehen",
  show: (name) => `${name} auf der Karte zeigen`,
  unplaced: (count) =>
    `${deployments(count)} ${choosePlural(count, "hat", "haben")} noch keine Position und ${choosePlural(count, "ist", "sind")} daher nicht auf der Karte.`,
  noPosition: "noch keine Position",
  setPosition: "Position setzen",
  withheld: (count) =>
    `${deployments(count)} ${choosePlural(count, "ist", "sind")} nicht auf der Karte, weil die Position verborgen ist.`,
  noneShown: "Keine Position wird gezeigt.",
  noneShownText: "Die Positionen sensibler Taxa sind für Ihre Rolle verborgen.",
  none: "Noch hat kein Standort eine Position.",
  noneText: "Geben Sie Breiten- und Längengrad eines Standorts ein, um ihn hier zu zeigen.",
  images: (count) => formatPlural(count, "Bild", "Bilder"),
  place: "Drücken Sie auf die Karte, um die Position zu setzen, oder geben Sie sie unten ein.",
  placeKeys: "Drücken setzt die Position; Enter nimmt die Mitte der Karte",
  placeLabel:
    "Karte zum Setzen der Position. Pfeiltasten verschieben sie, Plus und Minus vergrößern und verkleinern, Enter nimmt ihre Mitte.",
  list: "Standorte",
}
