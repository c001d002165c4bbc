import { formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const publicTexts: Translation<typeof en.publicTexts> = {
  banner:
    "Dies ist ein öffentliches Projekt. Menschen, Positionen und Dateinamen werden nicht gezeigt.",
  signIn: "Anmelden",
  overview: "Übersicht",
  images: "Bilder",
  deployments: "Kameras",
  main: "Bereiche des Projekts",
  camera: (of) => `Kamera ${formatCount(of)}`,
  imageCount: (count) => formatPlural(count, "Bild", "Bilder"),
  cameraCount: (count) => formatPlural(count, "Kamera", "Kameras"),
  found: "Erkannte Klassen",
  newest: "Die neuesten Bilder",
  seeAll: "Alle ansehen",
  since: (from, to) => (from === to ? from : `${from} bis ${to}`),
  noneTitle: "Noch nichts zu sehen",
  none: "Ein Bild wird gezeigt, nachdem ein Modell es analysiert und keine Menschen gefunden hat.",
  noneFiltered: "Kein Bild entspricht diesen Filtern.",
  anyCamera: "Alle Kameras",
  anyClass: "Alle Klassen",
  newestFirst: "Neueste zuerst",
  oldestFirst: "Älteste zuerst",
  more: "Mehr anzeigen",
  last: "Letztes Bild",
  shows: "Zeigt",
  nothing: "Keine Erkennungen.",
  capturedAt: "Aufgenommen",
  previous: "Vorheriges Bild",
  next: "Nächstes Bild",
  back: "Alle Bilder",
  boxes: "Rahmen anzeigen",
  notFoundTitle: "Projekt nicht gefunden",
  notFound:
    "Das Projekt ist vielleicht nicht mehr öffentlich. Melden Sie sich an, um Ihre Projekte zu sehen.",
  imageNotFoundTitle: "Bild nicht verfügbar",
  imageNotFound: "Es ist vielleicht nicht mehr öffentlich.",
  placeWithheld: "Positionen und Namen der Kameras werden nicht gezeigt.",
}
