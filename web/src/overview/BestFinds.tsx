/**
 * The best finds of a project as a strip: the newest certain image of each of its rarest animals,
 * then other certain animals. A project without any shows its newest images.
 */
import { useQueries, useQuery } from "@tanstack/react-query"
import { Link } from "wouter"
import type { Image } from "../api/types"
import { classesQuery, NO_FILTER } from "../images/queries"
import { getThumbnailLabel, Thumbnail } from "../images/Thumbnail"
import { paths, withSearch } from "../paths"
import { useProject } from "../projects/projectContext"
import { formatExact } from "../ui/time"
import { overviewTexts as t } from "./en"
import { certainAnimalsQuery } from "./queries"
import "./finds.css"

/** Number of the rarest classes of which an image is looked for. */
const RARE_CLASSES = 8
const MAX_FINDS = 12

export function BestFinds({ newest }: { newest: Image[] }) {
  const project = useProject()
  const { data: classes } = useQuery(classesQuery(project.id))
  const names = classes?.results.map((one) => one.class_name) ?? []
  const rarest = names.length > 1 ? names.slice(-RARE_CLASSES) : []
  const rare = useQueries({
    queries: rarest.map((name) => certainAnimalsQuery(project.id, { class: name }, 1)),
  })
  const others = useQuery({
    ...certainAnimalsQuery(project.id, {}, MAX_FINDS),
    enabled: names.length > 0,
  })
  // Images do not move while the rest is loaded.
  if (!classes || others.isLoading || rare.some((one) => one.isLoading))
    return <div className="image-strip" />
  const found = new Map<string, Image>()
  for (const image of [...rare.flatMap((one) => one.data ?? []), ...(others.data ?? [])])
    if (found.size < MAX_FINDS) found.set(image.id, image)
  const finds = [...found.values()].sort((a, b) => b.captured_at.localeCompare(a.captured_at))
  const isNewest = finds.length === 0
  const filter = isNewest ? {} : { ...NO_FILTER, kind: "animal" }
  return (
    <section aria-label={isNewest ? t.recent : t.finds} data-testid="finds">
      <div className="section-head">
        <h2>{isNewest ? t.recent : t.finds}</h2>
        <Link href={withSearch(paths.images(project.id), filter)}>{t.seeAll}</Link>
      </div>
      <div className="image-strip">
        {(isNewest ? newest : finds).map((image) => (
          <Link
            key={image.id}
            href={paths.image(project.id, image.id)}
            className="tile-image"
            style={{ aspectRatio: `${image.width} / ${image.height}`, height: "100%" }}
            title={`${image.deployment_name}, ${formatExact(image.captured_at, image.time_zone)}`}
            aria-label={[image.classes.join(", "), getThumbnailLabel(image)]
              .filter(Boolean)
              .join(", ")}
          >
            <Thumbnail image={image} eager />
            {image.classes.length > 0 && (
              <span className="strip-name">{image.classes.join(", ")}</span>
            )}
          </Link>
        ))}
      </div>
    </section>
  )
}
