/** The species palette of the panel, and the list in which a manager pins species to keys. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { Pin, PinOff } from "lucide-react"
import { useState } from "react"
import { api, unwrap } from "../api/client"
import { showProblem } from "../errors/showProblem"
import { useClassColour } from "../findings/classColours"
import { canManage, useProject } from "../projects/projectContext"
import { Button, IconButton } from "../ui/Button"
import { useShortcuts } from "../ui/shortcuts"
import { showToast } from "../ui/Toasts"
import { reviewScreenTexts as t } from "./en"
import { getShownName, type TaxonChoice } from "./proposal"
import { listPaletteKeys, PALETTE_SIZE, type PaletteChoice, paletteQuery } from "./reviewQueries"
import { SpeciesSearch } from "./SpeciesSearch"

const KEYS = Array.from({ length: PALETTE_SIZE }, (_, at) => at + 1)

interface PaletteProps {
  palette: readonly (TaxonChoice | null)[]
  proposed: ReadonlySet<string>
  isBox: boolean
  onAssign: (choice: TaxonChoice) => void
  onEdit: () => void
  /** The species that was assigned last. */
  repeated: TaxonChoice | undefined
}

export function Palette(props: PaletteProps) {
  const { palette, proposed, isBox, onAssign, onEdit, repeated } = props
  const project = useProject()
  return (
    <section className="review-palette" data-testid="palette">
      <div className="review-palette-head">
        <h3>{isBox ? t.assignBox : t.assign}</h3>
        {canManage(project) && (
          <Button kind="quiet" small onClick={onEdit}>
            {t.editPalette}
          </Button>
        )}
      </div>
      {palette.length === 0 && <p className="soft small">{t.noPalette}</p>}
      <ol>
        {palette.map(
          (one, at) =>
            one && (
              <li key={one.name}>
                <button
                  type="button"
                  className={proposed.has(one.name) ? "review-taxon proposed" : "review-taxon"}
                  title={one.common ? `${one.common}, ${one.name}` : one.name}
                  aria-keyshortcuts={String(at + 1)}
                  onClick={() => onAssign(one)}
                >
                  <kbd aria-hidden>{at + 1}</kbd>
                  <TaxonNames one={one} />
                  {proposed.has(one.name) && <em>{t.proposed}</em>}
                </button>
              </li>
            ),
        )}
        {repeated && (
          <li className="review-repeat">
            <button
              type="button"
              className="review-taxon"
              aria-keyshortcuts="r"
              onClick={() => onAssign(repeated)}
            >
              <kbd aria-hidden>r</kbd>
              <TaxonNames one={{ name: t.repeat(getShownName(repeated)), of: repeated.name }} />
            </button>
          </li>
        )}
      </ol>
    </section>
  )
}

/** The swatch and the name of a species, with its scientific name after a common name. */
function TaxonNames({ one }: { one: Pick<TaxonChoice, "name" | "common"> & { of?: string } }) {
  const classColour = useClassColour()
  return (
    <>
      <span className="review-swatch" style={{ background: classColour(one.of ?? one.name) }} />
      <span className="review-taxon-names">
        <span className="review-taxon-name">{getShownName(one)}</span>
        {one.common && <i>{one.name}</i>}
      </span>
    </>
  )
}

interface PaletteEditorProps {
  recent: readonly TaxonChoice[]
  onClose: () => void
}

export function PaletteEditor({ recent, onClose }: PaletteEditorProps) {
  const project = useProject()
  const client = useQueryClient()
  const { data } = useQuery(paletteQuery(project.id))
  const shown = listPaletteKeys(data?.palette)
  const [pins, setPins] = useState<ReadonlyMap<number, TaxonChoice>>(
    () => new Map(shown.flatMap((one, at) => (one?.isPinned ? [[at + 1, one]] : []))),
  )
  const [edited, setEdited] = useState<number | null>(null)
  const [isSaving, setSaving] = useState(false)
  const isPinned = (name: string) =>
    [...pins.values()].some((one) => one.name.toLowerCase() === name.toLowerCase())
  // A pinned species leaves its place among the most frequent ones.
  const frequent = shown.filter(
    (one): one is PaletteChoice => one !== null && !isPinned(one.name) && !one.isPinned,
  )
  const rows = KEYS.map((key) => {
    const pinned = pins.get(key)
    return { key, pinned: pinned !== undefined, one: pinned ?? frequent.shift() ?? null }
  })
  const pin = (key: number, one: TaxonChoice) => {
    const others = [...pins].filter(
      ([at, other]) => at !== key && other.name.toLowerCase() !== one.name.toLowerCase(),
    )
    setPins(new Map([...others, [key, one]]))
    setEdited(null)
  }
  const unpin = (key: number) => setPins(new Map([...pins].filter(([at]) => at !== key)))
  const save = async () => {
    setSaving(true)
    try {
      await unwrap(
        api.PUT("/api/v2/projects/{project_id}/palette", {
          params: { path: { project_id: project.id } },
          headers: data?.version ? { "If-Match": data.version } : {},
          body: {
            keys: [...pins].map(([key, one]) =>
              one.taxon ? { key, taxon: one.taxon } : { key, label: one.name },
            ),
          },
        }),
      )
      showToast(t.paletteSaved)
      onClose()
    } catch (error) {
      showProblem(error)
    } finally {
      setSaving(false)
      await client.invalidateQueries({ queryKey: paletteQuery(project.id).queryKey })
    }
  }
  useShortcuts(
    {
      ...Object.fromEntries(
        KEYS.map((key) => [
          String(key),
          (event: KeyboardEvent) => {
            event.preventDefault()
            setEdited(key)
          },
        ]),
      ),
      Escape: onClose,
    },
    edited === null,
  )
  if (edited !== null)
    return (
      <SpeciesSearch
        title={t.speciesOfKey(edited)}
        project={project.id}
        recent={recent}
        onChoose={(choice) => pin(edited, choice)}
        onClose={() => setEdited(null)}
      />
    )
  return (
    <section className="review-palette review-palette-editor" data-testid="palette-editor">
      <h3>{t.editPalette}</h3>
      <p className="soft small">{t.editPaletteHint}</p>
      <ol>
        {rows.map(({ key, one, pinned }) => (
          <li key={key}>
            <button
              type="button"
              className="review-taxon"
              aria-label={t.changeKey(key, one ? getShownName(one) : null)}
              onClick={() => setEdited(key)}
            >
              <kbd aria-hidden>{key}</kbd>
              {one ? <TaxonNames one={one} /> : <span className="soft">{t.freeKey}</span>}
              {!pinned && one && <em>{t.mostFrequent}</em>}
            </button>
            {one && (
              <IconButton
                label={pinned ? t.unpin(getShownName(one)) : t.pin(getShownName(one))}
                aria-pressed={pinned}
                onClick={() => (pinned ? unpin(key) : pin(key, one))}
              >
                {pinned ? <PinOff size={16} /> : <Pin size={16} />}
              </IconButton>
            )}
          </li>
        ))}
      </ol>
      <div className="dialog-actions">
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="accent" busy={isSaving} onClick={() => void save()}>
          {t.save}
        </Button>
      </div>
    </section>
  )
}
