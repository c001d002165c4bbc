import { choosePlural, formatCount, formatPlural } from "../ui/de"
import type { Translation } from "../ui/translation"
import type * as en from "./en"

const named = (name: string, count: number) =>
  `${name}${count > 1 ? ` (${formatCount(count)})` : ""}`

export const observationTexts: Translation<typeof en.observationTexts> = {
  title: "Beobachtungen",
  none: "Noch keine Analyse dieses Bildes ist abgeschlossen, und niemand hat es bestimmt.",
  blank: "Leer",
  unnamed: "Ohne Namen",
  wholeImage: "ganzes Bild",
  by: (name) => `von ${name}`,
  person: "einer Person",
  model: "einem Modell",
  label: (label) => `Label: ${label}`,
  needsReview: "Zu prüfen",
  showModels: "Modellausgabe anzeigen",
  modelsHint: "Alle Erkennungen der gewählten Analysen, mit den Namen der Modelle.",
  notObserved: (count) =>
    `${formatPlural(count, "Erkennung", "Erkennungen")} von Modellen ${choosePlural(count, "ist keine Beobachtung", "sind keine Beobachtungen")}.`,
}

export const viewerTexts: Translation<typeof en.viewerTexts> = {
  previous: "Vorheriges Bild",
  next: "Nächstes Bild",
  back: "Zurück zu den Bildern",
  zoomIn: "Vergrößern",
  zoomOut: "Verkleinern",
  fit: "Einpassen",
  boxes: "Erkennungen auf dem Bild",
  confidence: "Konfidenz",
  classes: "Klassen",
  analyses: "Analysen",
  found: "Gefunden",
  info: "Informationen",
  exif: "EXIF",
  hidden: (count) =>
    `${formatPlural(count, "weitere liegt", "weitere liegen")} unter dem Schieberegler oder ${choosePlural(count, "ist", "sind")} ausgeschaltet.`,
  nothing: "Diese Analyse hat keine Erkennungen.",
  notAnalysed: "Dieses Bild ist noch nicht analysiert.",
  download: "Original herunterladen",
  captured: "Aufgenommen",
  from: "Quelle",
  file: "Datei",
  size: "Größe",
  added: "Hinzugefügt",
  checksum: "SHA-256",
  deployment: "Standort",
  capturedFrom: {
    exif: "aus EXIF gelesen",
    filename: "aus dem Dateinamen gelesen",
    modified_time: "Änderungszeit der Datei",
    received_time: "Zeit des Empfangs",
  },
  fromUpload: "von Hand hochgeladen",
  fromSource: "aus einer Quelle abgerufen",
  clockOffset: (seconds) =>
    `${seconds > 0 ? "+" : "−"}${formatCount(Math.abs(seconds))} s zur Uhr der Kamera`,
  noExif: "Die Datei enthält kein EXIF.",
  restricted:
    "Dateiname, Ordner und fast alle EXIF-Daten sind für Ihre Rolle verborgen: Hier kommt ein sensibles Taxon vor.",
  exifWithheld: "Die EXIF-Daten sind für Ihre Rolle verborgen.",
  picture: "Bild",
  showInfo: "Informationen anzeigen",
  hideInfo: "Informationen ausblenden",
  raw: "wie geschrieben",
  cannotShow:
    "Das Bild konnte nicht geladen werden. Die gespeicherte Datei ist nicht betroffen; versuchen Sie es erneut, oder laden Sie sie herunter.",
  tilesComing: "Das Bild wird in voller Größe geladen.",
  tilesFailed: "Teile des Bildes konnten nicht in voller Größe geladen werden.",
  tilesRetry: "Erneut versuchen",
  truncated: "Die Datei ist abgeschnitten. Die fehlenden Zeilen sind grau.",
  flags: "Kennzeichen",
  megapixels: (value) => `${value} MP`,
  all: "Alle anzeigen",
  type: {
    bounding_box: "Rahmen",
    classification: "ganzes Bild",
    heatmap: "Heatmap",
    segmentation: "Umriss",
    mask: "Maske",
    keypoint: "Schlüsselpunkte",
    custom: "Daten",
  },
  kinds: "Arten von Erkennungen",
  opacity: "Deckkraft",
  colourMap: "Farben",
  colourMaps: {
    viridis: "Viridis",
    magma: "Magma",
    turbo: "Turbo",
    jet: "Jet",
    grey: "Grau",
  },
  heatmapOf: (name) => (name ? `Heatmap von ${name}` : "Heatmap"),
  coming: "wird geladen",
  notLoaded: "nicht geladen",
  asGiven: "Originaldaten",
  cannotDraw: (why) => `Nicht gezeichnet: ${why}`,
  restComing: (count) => `${formatPlural(count, "weitere wird", "weitere werden")} geladen.`,
  listCut: (count) =>
    `${formatPlural(count, "weitere ist", "weitere sind")} auf dem Bild, aber nicht in dieser Liste. Bewegen Sie den Schieberegler, um weniger zu sehen.`,
  filesFailed: (count) =>
    `${formatPlural(count, "Datei konnte", "Dateien konnten")} nicht geladen werden.`,
  outside: "externe Analyse",
  stale: "Ihre Pipeline hat sich nicht mehr gemeldet seit",
  staleTodo: "Sie ist vielleicht angehalten. Die bisherigen Ergebnisse werden angezeigt.",
  madeBy: "Details der Analyse",
  parameters: "Parameter",
  provenance: "Herkunft",
  compareAnalyses: "Nebeneinander vergleichen",
  compareWithOriginal: "Mit dem Original vergleichen",
  oneAgain: "Einzelansicht",
  sides: { left: "Links", right: "Rechts" },
  onlyPicture: "Originalbild",
  analysisName: (model, version, job, isSimulated) =>
    `${model} ${version}${job === null ? "" : `, Auftrag ${job}`}${isSimulated ? ", simuliert" : ""}`,
  simulated: "Simuliert",
  simulatedNote:
    "Die Ergebnisse sind erzeugt. Exporte, Filter und Zahlen berücksichtigen sie nicht.",
  changed: "Änderungen",
  nothingChanged: "Keine Änderungen unter den angezeigten Erkennungen.",
  onlyLeft: (name, count) => `${named(name, count)}: nur links`,
  onlyRight: (name, count) => `${named(name, count)}: nur rechts`,
  renamed: (left, right) => `${left} → ${right}, an derselben Stelle`,
  surer: (name, left, right) =>
    `${name}: ${left || "keine Konfidenz"} → ${right || "keine Konfidenz"}`,
  lost: (name, confidence) => `${[name, confidence].filter(Boolean).join(" ")}: nur links`,
  gained: (name, confidence) => `${[name, confidence].filter(Boolean).join(" ")}: nur rechts`,
}

const pixels = (width: number, height: number, x: number, y: number) =>
  `${formatCount(width)} mal ${formatCount(height)} Pixel bei ${formatCount(x)}, ${formatCount(y)}`

export const drawingTexts: Translation<typeof en.drawingTexts> = {
  drawShape: { box: "Rahmen zeichnen", point: "Punkt setzen", polygon: "Polygon zeichnen" },
  adjust: "Ausgewählten Rahmen ändern",
  remove: "Ausgewählten Rahmen löschen",
  saveShape: { box: "Rahmen speichern", point: "Punkt speichern", polygon: "Polygon speichern" },
  cancel: "Abbrechen",
  drawHint: {
    box: "Über das Tier ziehen, oder Pfeiltasten",
    point: "Auf die Stelle klicken, oder Pfeiltasten",
    polygon: "Auf jede Ecke klicken; Doppelklick oder Enter schließt",
  },
  changeHint: {
    box: "Ziehen, oder Pfeiltasten",
    point: "Ziehen, oder Pfeiltasten",
    polygon: "Ecken ziehen, oder mit der Leertaste auswählen",
  },
  started: {
    box: "Rahmen in der Mitte der Ansicht. Pfeiltasten bewegen ihn, Umschalt und Pfeiltasten ändern die Größe, Enter speichert, Esc bricht ab.",
    point:
      "Punkt in der Mitte der Ansicht. Pfeiltasten bewegen ihn, Enter speichert, Esc bricht ab.",
    polygon:
      "Marke in der Mitte der Ansicht. Pfeiltasten bewegen sie, die Leertaste setzt eine Ecke, die Rücktaste entfernt die letzte, Enter schließt das Polygon, Esc bricht ab.",
  },
  at: (x, y) => `Bei ${formatCount(x)}, ${formatCount(y)}`,
  corner: (number, x, y) => `Ecke ${number} bei ${formatCount(x)}, ${formatCount(y)}`,
  cornerRemoved: (left) => `Ecke entfernt, noch ${formatPlural(left, "Ecke", "Ecken")}.`,
  tooFewCorners: "Ein Polygon hat mindestens 3 Ecken.",
  tooManyCorners: (most) => `Ein Polygon hat höchstens ${formatCount(most)} Ecken.`,
  crossed:
    "Kanten des Polygons berühren oder kreuzen sich. Verschieben oder entfernen Sie eine Ecke.",
  tooSmall: "Das Polygon ist zu klein: mindestens 2 mal 2 Pixel.",
  pointSaved: (name, x, y) => `Punkt ${name} gespeichert bei ${formatCount(x)}, ${formatCount(y)}.`,
  polygonSaved: (name, corners) =>
    `Polygon ${name} gespeichert mit ${formatPlural(corners, "Ecke", "Ecken")}.`,
  position: pixels,
  cancelled: "Rahmen nicht gespeichert.",
  saved: (name, width, height, x, y) =>
    `Rahmen ${name} gespeichert, ${pixels(width, height, x, y)}.`,
  deleted: (name) => `Rahmen ${name} gelöscht.`,
  selected: (name, number, total) => `Rahmen ${number} von ${total}: ${name}.`,
  notYours: "Dieser Rahmen gehört einer anderen Person. Verwalter können ihn ändern.",
  magnifier: "Lupe",
  hide: "Rahmen ausblenden, solange gehalten",
}
