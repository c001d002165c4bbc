/** German for the sentences of the server about what a job does or waits for. */
import { formatImages, formatOfImages } from "../images/de"
import { choosePlural, formatCount, formatPlural } from "../ui/de"

const read = (count: string) => Number(count.replaceAll(",", ""))
const images = (count: string) => formatImages(read(count))
const ofImages = (count: string) => formatOfImages(read(count))

/** Parts of the server's sentences about jobs, in the order in which they are translated. */
const STATUS_PARTS: [RegExp, (...parts: string[]) => string][] = [
  [/^Waiting for new images\.$/, () => "Wartet auf neue Bilder."],
  [/^Finishing\.$/, () => "Wird abgeschlossen."],
  [/^The job has no images\.$/, () => "Der Auftrag hat keine Bilder."],
  [
    /^The images are being downloaded from their URLs\.$/,
    () => "Die Bilder werden von ihren URLs heruntergeladen.",
  ],
  [
    /^The images could not be downloaded.*$/,
    () => "Die Bilder konnten nicht heruntergeladen werden; der Verlauf nennt den Grund.",
  ],
  [
    /^No processing service has registered the pipeline (.+)\.$/,
    (name) => `Kein Verarbeitungsdienst hat die Pipeline ${name} registriert.`,
  ],
  [
    /^The images are being added to the queue: (.+) so far\.$/,
    (done) => `Die Bilder kommen in die Warteschlange: bisher ${done}.`,
  ],
  [
    /^Canceled; (\S+) images? w\S+ done before/,
    (done) => `Abgebrochen; vorher fertig: ${images(done)}`,
  ],
  [
    /; (\S+) images? \S+ being removed from the queue/,
    (rest) => `; noch aus der Warteschlange zu entfernen: ${images(rest)}`,
  ],
  [
    /^No worker offers (\S+) since (.+?);/,
    (name, at) => `Kein Worker bietet ${name} an seit ${at};`,
  ],
  [/^No worker offers (\S+);/, (name) => `Kein Worker bietet ${name} an;`],
  [/^Not started; /, () => "Nicht gestartet; "],
  [/^Paused; /, () => "Pausiert; "],
  [
    /(\S+) images? leased by (\S+) continues?, /,
    (count, worker) => `noch in Arbeit bei ${worker}: ${images(count)}, `,
  ],
  [/(\S+) images? leased continues?, /, (count) => `noch in Arbeit: ${images(count)}, `],
  [
    / and (\S+) more workers?/,
    (count) => ` und ${formatPlural(read(count), "weiteren Worker", "weiteren Workern")}`,
  ],
  [/(\S+) images? leased by /, (count) => `${images(count)} in Arbeit bei `],
  [/(\S+) images? leased/, (count) => `${images(count)} in Arbeit`],
  [/(in Arbeit.*?) for (\S+ (?:s|min|h))\b/, (before, span) => `${before} seit ${span}`],
  [/ images? are in the queue so far/, () => " bisher in der Warteschlange"],
  [/(\S+) images? waits? in the queue/, (count) => `${images(count)} in der Warteschlange`],
  [/ are in the queue( so far)?/, () => " in der Warteschlange"],
  [/ until it is run/, () => " bis zum Start"],
  [
    /(\S+) images? (waits?)/,
    (count) => `${images(count)} ${choosePlural(read(count), "wartet", "warten")}`,
  ],
  [
    / for another attempt after an error, at (.+) \(in (.+)\)/,
    (at, wait) => ` auf einen weiteren Versuch nach einem Fehler, um ${at} (in ${wait})`,
  ],
  [
    / for a worker; the last contact of one was (.+) ago/,
    (span) => ` auf einen Worker; letzter Kontakt vor ${span}`,
  ],
  [
    / behind a job of another project, which has a higher priority/,
    () => " hinter einem Auftrag eines anderen Projekts mit höherer Priorität",
  ],
  [
    / behind job (\d+), which has a higher priority/,
    (job) => ` hinter Auftrag ${job} mit höherer Priorität`,
  ],
  [
    / behind (\S+) jobs of higher priority/,
    (count) => ` hinter ${formatCount(read(count))} Aufträgen mit höherer Priorität`,
  ],
  [/; the next of them is job (\d+)/, (job) => `; der nächste ist Auftrag ${job}`],
  [/(\S+) workers, (.+) among them,/, (count, name) => `${count} Worker, darunter ${name},`],
  [/ (?:is|are) working on another job/, () => " arbeitet an einem anderen Auftrag"],
  [/ is working on job (\d+)/, (job) => ` arbeitet an Auftrag ${job}`],
  [
    / are working on other jobs, such as job (\d+)/,
    (job) => ` arbeiten an anderen Aufträgen, etwa Auftrag ${job}`,
  ],
  [/ are working on other jobs/, () => " arbeiten an anderen Aufträgen"],
  [
    / is online \(last contact (.+) ago\) and has not asked for (?:it|them)/,
    (span) => ` ist online (letzter Kontakt vor ${span}), hat sie aber nicht angefordert`,
  ],
  [
    / are online \(last contact (.+) ago\) and have not asked for (?:it|them)/,
    (span) => ` sind online (letzter Kontakt vor ${span}), haben sie aber nicht angefordert`,
  ],
  [/^Nothing found in (\S+) images?/, (count) => `Nichts gefunden auf ${ofImages(count)}`],
  [/, nothing found in (\S+) of them/, (count) => `, davon ohne Fund: ${formatCount(read(count))}`],
  [/(\S+) images? done/, (count) => `${images(count)} fertig`],
  [/(\S+) images? failed/, (count) => `${images(count)} fehlgeschlagen`],
  [
    /(\S+) of about (\d[\d,]*)/,
    (done, all) => `${formatCount(read(done))} von etwa ${ofImages(all)}`,
  ],
  [/: bisher (\S+) images?/, (done) => `: bisher ${images(done)}`],
  [/(\d)\.(\d h)/, (whole, rest) => `${whole},${rest}`],
]

export const translateStatusReason = (reason: string) =>
  STATUS_PARTS.reduce(
    (text, [pattern, translate]) =>
      text.replace(pattern, (_all, ...parts: string[]) => translate(...parts)),
    reason,
  )
