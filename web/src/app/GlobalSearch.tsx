/** The search in the header: opens a screen, class, deployment, source or job. */
import * as Ariakit from "@ariakit/react"
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { Search as Glass } from "lucide-react"
import { forwardRef, useMemo, useState } from "react"
import { useLocation } from "wouter"
import { deploymentsQuery } from "../deployments/queries"
import { useClassColour } from "../findings/classColours"
import { classesQuery } from "../images/queries"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { jobTexts } from "../queue/en"
import { jobsQuery } from "../queue/queries"
import { sourcesQuery } from "../sources/queries"
import { searchTexts } from "./en"
import { getHref, isShown, SCREENS } from "./screens"

interface SearchResult {
  key: string
  text: string
  kind: string
  href: string
}

export const GlobalSearch = forwardRef<HTMLInputElement>(function Search(_, input) {
  const classColour = useClassColour()
  const project = useProject()
  const { id } = project
  const [, go] = useLocation()
  const [open, setOpen] = useState(false)
  const [value, setValue] = useState("")
  const { data: classes } = useQuery({ ...classesQuery(id), enabled: open })
  const { data: deployments } = useQuery({ ...deploymentsQuery(id), enabled: open })
  const { data: sources } = useQuery({ ...sourcesQuery(id), enabled: open })
  const { data: jobs } = useInfiniteQuery({ ...jobsQuery(id, undefined), enabled: open })

  const places = useMemo<SearchResult[]>(() => {
    const screens = SCREENS.flatMap((one) =>
      one.title && isShown(one, project) ? [{ text: one.title, href: getHref(one, project) }] : [],
    )
    return [
      ...screens.map((one) => ({ ...one, kind: "screen", key: one.href })),
      ...(classes?.results ?? []).map((one) => ({
        text: one.class_name,
        kind: "class",
        key: `c${one.class_name}`,
        href: withSearch(paths.images(id), { class: one.class_name }),
      })),
      ...(deployments?.results ?? []).map((one) => ({
        text: one.name,
        kind: "deployment",
        key: one.id,
        href: withSearch(paths.images(id), { deployment: one.id }),
      })),
      ...(sources?.results ?? []).map((one) => ({
        text: one.name,
        kind: "source",
        key: one.id,
        href: paths.source(id, one.id),
      })),
      ...(jobs?.pages[0]?.results ?? []).map((one) => ({
        text: one.name || jobTexts.noName(one.pipeline_slug, one.id),
        kind: "job",
        key: `j${one.id}`,
        href: paths.job(id, one.id),
      })),
    ]
  }, [project, id, classes, deployments, sources, jobs])
  const asked = value.trim().toLowerCase()
  const fits = places.filter((place) => place.text.toLowerCase().includes(asked)).slice(0, 12)

  return (
    <Ariakit.ComboboxProvider
      open={open}
      setOpen={setOpen}
      value={value}
      setValue={setValue}
      resetValueOnHide
    >
      <div className="search">
        <Glass size={16} aria-hidden />
        <Ariakit.Combobox
          ref={input}
          className="input"
          aria-label={searchTexts.label}
          placeholder={searchTexts.placeholder}
          autoSelect="always"
        />
        {!open && <kbd aria-hidden>/</kbd>}
      </div>
      <Ariakit.ComboboxPopover className="menu" gutter={4} sameWidth={false} portal>
        {fits.map((place) => (
          <Ariakit.ComboboxItem
            key={place.key}
            className="menu-item"
            value={place.text}
            setValueOnClick={false}
            hideOnClick
            focusOnHover
            onClick={() => go(place.href)}
          >
            {place.kind === "class" && (
              <span className="dot" style={{ background: classColour(place.text) }} />
            )}
            {place.text}
            <span className="kind">{searchTexts.kinds[place.kind]}</span>
          </Ariakit.ComboboxItem>
        ))}
        {fits.length === 0 && <p className="menu-label">{searchTexts.nothing}</p>}
      </Ariakit.ComboboxPopover>
    </Ariakit.ComboboxProvider>
  )
})
