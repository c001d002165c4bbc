import type { Translation } from "../ui/translation"
import type * as en from "./en"

export const findingTexts: Translation<typeof en.findingTexts> = {
  noClass: "unbenannt",
  people: "Menschen",
  types: {
    bounding_box: "Rahmen",
    classification: "Ganzes Bild",
    heatmap: "Heatmaps",
    segmentation: "Umrisse",
    mask: "Masken",
    keypoint: "Schlüsselpunkte",
    custom: "Daten",
  },
  odd: {
    box: "Ecken fehlen oder sind in falscher Reihenfolge.",
    format: "Das Format ist weder Lauflängen noch Polygon.",
    runs: "Lauflängen fehlen, sind leer oder passen nicht zu ihrer Größe.",
    polygon: "Ein Polygon braucht mindestens drei Punkte mit je zwei Zahlen.",
    points: "Keiner der Schlüsselpunkte hat Koordinaten.",
    noFile: "Die Datei ist nicht im Speicher.",
    unreachable:
      "Die Datei konnte nicht geladen werden. Nichts ist verloren; versuchen Sie es erneut.",
    notPicture: "Die Datei ist kein Bild, das ein Browser lesen kann.",
    tooLarge: "Die Datei ist zu groß für diesen Browser.",
    emptyMask: "Die Maske ist leer.",
  },
}
