import { expect, test } from "vitest"
import { translateStatusReason } from "./statusReason.de"

test.each([
  [
    "1 image waits for a worker; the last contact of one was 47 s ago.",
    "1 Bild wartet auf einen Worker; letzter Kontakt vor 47 s.",
  ],
  [
    "No worker offers deer since 10:00 UTC; 1,200 images wait.",
    "Kein Worker bietet deer an seit 10:00 UTC; 1.200 Bilder warten.",
  ],
  [
    "3 images done, nothing found in 1 of them, 2 images failed.",
    "3 Bilder fertig, davon ohne Fund: 1, 2 Bilder fehlgeschlagen.",
  ],
  ["Nothing found in 2 images.", "Nichts gefunden auf 2 Bildern."],
  [
    "5 images leased by hut-1 and 2 more workers for 1.5 h.",
    "5 Bilder in Arbeit bei hut-1 und 2 weiteren Workern seit 1,5 h.",
  ],
  [
    "Paused; 4 images leased by hut-1 continue, 9 images wait in the queue.",
    "Pausiert; noch in Arbeit bei hut-1: 4 Bilder, 9 Bilder in der Warteschlange.",
  ],
  [
    "7 images wait behind job 3, which has a higher priority.",
    "7 Bilder warten hinter Auftrag 3 mit höherer Priorität.",
  ],
  ["2 images wait; hut-1 is working on job 4.", "2 Bilder warten; hut-1 arbeitet an Auftrag 4."],
  [
    "The images are being added to the queue: 100 of about 2,000 so far.",
    "Die Bilder kommen in die Warteschlange: bisher 100 von etwa 2.000 Bildern.",
  ],
  [
    "Canceled; 3 images were done before; 2 images are being removed from the queue.",
    "Abgebrochen; vorher fertig: 3 Bilder; noch aus der Warteschlange zu entfernen: 2 Bilder.",
  ],
  ["A sentence that is not known.", "A sentence that is not known."],
])("%s", (english, german) => expect(translateStatusReason(english)).toBe(german))
