/** The images of a project: filters in the URL, a grid, uploads by drag and drop, selection. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query"
import { ListFilter, Play, Upload } from "lucide-react"
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from "react"
import { useChanges } from "../api/live"
import { askClasses, askDeployments, askImages, type ImageFilter, noFilter } from "../api/queries"
import { ImageGrid } from "../components/ImageGrid"
import { mayManage, useProject } from "../components/project"
import { useSearch } from "../components/search"
import { StartRun } from "../components/StartRun"
import { UploadDialog } from "../components/UploadDialog"
import { Button } from "../ui/Button"
import { useKeys } from "../ui/keys"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { words } from "../words/en"

const FILTERS = Object.keys(noFilter) as (keyof ImageFilter)[]

export function ImagesPage() {
  const project = useProject()
  const client = useQueryClient()
  const [search, setSearch] = useSearch()
  const filter = useMemo(() => Object.fromEntries(FILTERS.map((key) => [key, search.get(key) ?? ""])) as unknown as ImageFilter, [search])
  const query = askImages(project.id, filter)
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(query)
  const images = useMemo(() => data?.pages.flatMap((page) => page.results) ?? [], [data])
  const first = data?.pages[0]
  const [files, setFiles] = useState<File[] | null>(null)
  const [running, setRunning] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [newer, setNewer] = useState(false)
  const w = words.image
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w.title, project.name])

  const refresh = useCallback(() => {
    setNewer(false)
    return client.invalidateQueries({ queryKey: ["image", project.id, "list"] })
  }, [client, project.id])
  const pages = data?.pages.length ?? 0
  useChanges(
    useCallback(
      (kind: string) => {
        if (kind !== "image" && kind !== "job") return
        if (window.scrollY < 200 && pages <= 2) void refresh()
        else if (kind === "image") setNewer(true)
      },
      [pages, refresh],
    ),
  )
  const nearEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])

  const lastChosen = useRef<number | null>(null)
  const choose = useCallback(
    (index: number, range: boolean) => {
      const from = range && lastChosen.current !== null ? Math.min(lastChosen.current, index) : index
      const to = range && lastChosen.current !== null ? Math.max(lastChosen.current, index) : index
      lastChosen.current = index
      setChosen((old) => {
        const next = new Set(old)
        const ids = images.slice(from, to + 1).map((image) => image.id)
        if (!range && ids[0] && next.delete(ids[0])) return next
        ids.forEach((id) => next.add(id))
        return next
      })
    },
    [images],
  )
  useKeys({
    r: () => mayManage(project) && setRunning(true),
    Escape: () => setChosen(new Set()),
    ArrowDown: () => {
      if (!document.activeElement?.closest(".grid")) document.querySelector<HTMLElement>(".tile[data-index]")?.focus()
    },
  })

  const filtered = FILTERS.some((key) => key !== "order" && filter[key] !== "")
  const manage = mayManage(project)
  return (
    <DropTarget on={manage} onFiles={setFiles}>
      <div className="images-head">
        <div className="page-head">
          <h1>{w.title}</h1>
          {first && <span className="count">{words.about(words.count(first.count), first.count_is_estimate ?? false)}</span>}
          {manage && (
            <div className="actions">
              <Button icon={<Play size={15} aria-hidden />} onClick={() => setRunning(true)} className="hide-phone">{w.run}</Button>
              <Button kind="accent" icon={<Upload size={15} aria-hidden />} onClick={() => setFiles([])}>{w.upload}</Button>
            </div>
          )}
        </div>
        <Filters filter={filter} filtered={filtered} onChange={(key, value) => setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })}
          onClear={() => setSearch((next) => FILTERS.forEach((key) => next.delete(key)))} />
      </div>
      {error && <Trouble error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={200} />}
      {data && images.length === 0 && (filtered
        ? <Empty title={w.noMatchTitle} text={w.noMatch}><Button onClick={() => setSearch((next) => FILTERS.forEach((key) => next.delete(key)))}>{w.clear}</Button></Empty>
        : <Empty title={w.noneTitle} text={w.none}>{manage && <Button kind="accent" icon={<Upload size={15} aria-hidden />} onClick={() => setFiles([])}>{w.upload}</Button>}</Empty>
      )}
      {images.length > 0 && (
        <ImageGrid
          images={images} more={hasNextPage} onNearEnd={nearEnd} chosen={chosen} onChoose={choose}
          least={filter.confidence ? Number(filter.confidence) / 100 : undefined}
        />
      )}
      {newer && (
        <Button className="pill" kind="accent" onClick={() => { window.scrollTo(0, 0); void refresh() }}>{w.newer}</Button>
      )}
      {chosen.size > 0 && (
        <div className="selection-bar" role="status">
          {w.selected(chosen.size)}
          <Button small kind="quiet" onClick={() => setChosen(new Set())}>{w.unselect}</Button>
          {manage && <Button small kind="accent" onClick={() => setRunning(true)}>{w.run}</Button>}
        </div>
      )}
      {files && <UploadDialog initial={files} onClose={() => setFiles(null)} />}
      <StartRun open={running} images={[...chosen]} filter={filter} onClose={() => setRunning(false)} />
    </DropTarget>
  )
}

function DropTarget({ on, onFiles, children }: { on: boolean; onFiles: (files: File[]) => void; children: React.ReactNode }) {
  const [over, setOver] = useState(false)
  const carries = (event: DragEvent) => on && event.dataTransfer.types.includes("Files")
  return (
    <div
      onDragEnter={(event) => carries(event) && setOver(true)}
      onDragOver={(event) => carries(event) && event.preventDefault()}
      onDrop={(event) => {
        if (!carries(event)) return
        event.preventDefault()
        setOver(false)
        onFiles([...event.dataTransfer.files])
      }}
      style={{ minHeight: "70dvh" }} data-testid="drop-target"
    >
      {children}
      {over && <div className="drop" onDragLeave={() => setOver(false)}>{words.image.dropHere}</div>}
    </div>
  )
}

interface FiltersProps {
  filter: ImageFilter
  filtered: boolean
  onChange: (key: keyof ImageFilter, value: string) => void
  onClear: () => void
}

function Filters({ filter, filtered, onChange, onClear }: FiltersProps) {
  const project = useProject()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const { data: classes } = useQuery(askClasses(project.id))
  const [open, setOpen] = useState(false)
  const w = words.image
  const look = (key: keyof ImageFilter) => (filter[key] ? "input set" : "input")
  return (
    <>
      <Button small className="only-phone" icon={<ListFilter size={14} aria-hidden />} aria-expanded={open} onClick={() => setOpen(!open)}>{w.filters}</Button>
      <div className={open ? "filters open" : "filters"}>
        <select className={look("deployment")} aria-label={w.deployment} value={filter.deployment} onChange={(event) => onChange("deployment", event.target.value)}>
          <option value="">{w.anyDeployment}</option>
          {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
        </select>
        <select className={look("class")} aria-label={w.class} value={filter.class} onChange={(event) => onChange("class", event.target.value)}>
          <option value="">{w.anyClass}</option>
          {filter.class && !classes?.results.some((one) => one.class_name === filter.class) && <option value={filter.class}>{filter.class}</option>}
          {classes?.results.map((one) => <option key={one.class_name} value={one.class_name}>{`${one.class_name} (${words.count(one.images)})`}</option>)}
        </select>
        <select className={look("analysis_state")} aria-label={w.state} value={filter.analysis_state} onChange={(event) => onChange("analysis_state", event.target.value)}>
          <option value="">{w.anyState}</option>
          {Object.entries(w.states).map(([state, text]) => <option key={state} value={state}>{text}</option>)}
        </select>
        <label>{w.from}<input type="date" className={look("from")} value={filter.from} onChange={(event) => onChange("from", event.target.value)} /></label>
        <label>{w.to}<input type="date" className={look("to")} value={filter.to} onChange={(event) => onChange("to", event.target.value)} /></label>
        <label>
          {w.confidence}
          <input type="range" min={0} max={95} step={5} value={filter.confidence || 0} onChange={(event) => onChange("confidence", event.target.value === "0" ? "" : event.target.value)} />
          <output>{filter.confidence ? `${filter.confidence} %` : words.common.any}</output>
        </label>
        <select className={look("order")} aria-label={w.sort} value={filter.order || "-captured_at"} onChange={(event) => onChange("order", event.target.value === "captured_at" ? "captured_at" : "")}>
          <option value="-captured_at">{w.newest}</option>
          <option value="captured_at">{w.oldest}</option>
        </select>
        {filtered && <Button small kind="quiet" onClick={onClear}>{w.clear}</Button>}
      </div>
    </>
  )
}
