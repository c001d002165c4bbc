/** Sequences: the images of each as a strip, which can be played. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query"
import { Grid2X2, Pause, Play } from "lucide-react"
import { useEffect, useState } from "react"
import { Link } from "wouter"
import { fileUrl } from "../api/fileUrls"
import type { Sequence } from "../api/types"
import { sequenceQuery, sequencesQuery } from "../images/queries"
import { getThumbnailLabel, Thumbnail } from "../images/Thumbnail"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { useUrlQuery } from "../ui/urlQuery"
import "./sequences.css"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { imageTexts } from "../images/en"
import { formatCount, formatEstimate } from "../ui/en"
import { formatDuration, formatExact, formatTime, Timestamp } from "../ui/time"
import { sequenceTexts as t } from "./en"

const FRAME_MS = 350

export function SequencesPage() {
  const project = useProject()
  const [search, setSearch] = useUrlQuery()
  const deployment = search.get("deployment") ?? ""
  const least = search.get("least") ?? ""
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(
    sequencesQuery(project.id, deployment, Number(least) || undefined),
  )
  const sequences = data?.pages.flatMap((page) => page.results) ?? []
  const first = data?.pages[0]
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const set = (key: string, value: string) =>
    setSearch((next) => (value ? next.set(key, value) : next.delete(key)), { replace: true })
  return (
    <div>
      <div className="page-head">
        <h1>{t.title}</h1>
        {first && (
          <span className="count">
            {formatEstimate(formatCount(first.count), first.count_is_estimate ?? false)}
          </span>
        )}
      </div>
      <p className="soft">{t.intro(formatDuration(project.sequence_gap_s))}</p>
      <div className="filters open">
        <select
          className={deployment ? "input set" : "input"}
          aria-label={imageTexts.deployment}
          value={deployment}
          onChange={(event) => set("deployment", event.target.value)}
        >
          <option value="">{imageTexts.anyDeployment}</option>
          {deployments?.results.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <select
          className={least ? "input set" : "input"}
          aria-label={t.atLeast}
          value={least}
          onChange={(event) => set("least", event.target.value)}
        >
          <option value="">{t.any}</option>
          <option value="2">{t.two}</option>
          <option value="5">{t.five}</option>
          <option value="10">{t.ten}</option>
        </select>
      </div>
      {error && <ErrorMessage error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} height={150} />}
      {data && sequences.length === 0 && <EmptyState title={t.noneTitle} text={t.none} />}
      <ul className="sequences">
        {sequences.map((one) => (
          <FilmStrip key={one.id} sequence={one} />
        ))}
      </ul>
      {hasNextPage && (
        <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t.older}
        </Button>
      )}
    </div>
  )
}

function FilmStrip({ sequence }: { sequence: Sequence }) {
  const project = sequence.project_id
  const [playing, setPlaying] = useState(false)
  const grid = withSearch(paths.images(project), { sequence: sequence.id, order: "captured_at" })
  const rest = sequence.images - sequence.shown.length
  const span =
    (new Date(sequence.ended_at).getTime() - new Date(sequence.started_at).getTime()) / 1000
  return (
    <li className="sequence">
      <div className="sequence-head">
        <strong>{sequence.deployment_name}</strong>
        <Timestamp at={sequence.started_at} zone={sequence.time_zone} />
        <span className="soft">
          {t.count(sequence.images)}
          {span > 0 ? ` ${t.lasted(formatDuration(span))}` : ""}
        </span>
        <span className="actions">
          {sequence.images > 1 && (
            <Button
              small
              kind="quiet"
              icon={playing ? <Pause size={14} aria-hidden /> : <Play size={14} aria-hidden />}
              onClick={() => setPlaying(!playing)}
            >
              {playing ? t.stop : t.play}
            </Button>
          )}
          <LinkButton small kind="quiet" icon={<Grid2X2 size={14} aria-hidden />} href={grid}>
            {t.grid}
          </LinkButton>
        </span>
      </div>
      {playing ? (
        <SequencePlayer sequence={sequence} />
      ) : (
        <div className="sequence-row">
          {sequence.shown.map((image) => (
            <Link
              key={image.id}
              href={withSearch(paths.image(project, image.id), { in: grid.split("?")[1] })}
              state={{ images: grid }}
              className="sequence-tile"
              style={{ aspectRatio: `${image.width} / ${image.height}` }}
              aria-label={`${getThumbnailLabel(image)}, ${formatTime(image.captured_at, image.time_zone)}, ${formatExact(image.captured_at, image.time_zone)}`}
            >
              <Thumbnail image={image} />
              <time>{formatTime(image.captured_at, image.time_zone)}</time>
            </Link>
          ))}
          {rest > 0 && (
            <Link href={grid} className="sequence-more">
              {t.more(rest)}
            </Link>
          )}
        </div>
      )}
    </li>
  )
}

/** Show the images of a sequence one after the other until the user stops it. */
function SequencePlayer({ sequence }: { sequence: Sequence }) {
  const { data } = useQuery(sequenceQuery(sequence.project_id, sequence.id))
  const frames = (data ?? sequence).shown
  const [at, setAt] = useState(0)
  useEffect(() => {
    for (const image of frames)
      if (image.thumbnail_url) new Image().src = fileUrl(image.thumbnail_url)
    const timer = setInterval(() => setAt((old) => old + 1), FRAME_MS)
    return () => clearInterval(timer)
  }, [frames])
  const image = frames[at % frames.length]
  if (!image) return null
  return (
    <div className="sequence-player" data-testid="film">
      <div className="sequence-tile" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        <Thumbnail image={image} eager />
        <time>{formatExact(image.captured_at, image.time_zone).split(" GMT")[0]}</time>
      </div>
      <span className="soft small">{t.playing((at % frames.length) + 1, frames.length)}</span>
    </div>
  )
}
