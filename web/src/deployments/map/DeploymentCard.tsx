/**
 * The card of the deployment that is selected on the map: its latest image, the time of it, and
 * whether images are overdue.
 */
import { useQuery } from "@tanstack/react-query"
import { X } from "lucide-react"
import { Link } from "wouter"
import type { Deployment } from "../../api/types"
import { lastImageQuery } from "../../images/queries"
import { getThumbnailLabel, Thumbnail } from "../../images/Thumbnail"
import { paths, withSearch } from "../../paths"
import { canManage, useProject } from "../../projects/projectContext"
import { IconButton, LinkButton } from "../../ui/Button"
import { uiTexts } from "../../ui/en"
import { Timestamp } from "../../ui/time"
import { LocationBadge } from "../LocationBadge"
import { mapTexts as t } from "./en"

export function DeploymentCard({
  deployment,
  onClose,
}: {
  deployment: Deployment
  onClose: () => void
}) {
  const project = useProject()
  const { data } = useQuery(lastImageQuery(project.id, deployment.id))
  const last = data?.results[0]
  return (
    <section
      className="map-card"
      aria-label={deployment.name}
      aria-live="polite"
      data-testid="place-card"
    >
      {last && (
        <Link
          className="tile-image"
          href={paths.image(project.id, last.id)}
          aria-label={`${t.lastImage}: ${getThumbnailLabel(last)}`}
        >
          <Thumbnail image={last} eager />
        </Link>
      )}
      <div className="map-card-text">
        <span>
          <strong>{deployment.name}</strong>
          <LocationBadge precision={deployment.location_precision} />
        </span>
        {deployment.last_image_at === null ? (
          <span className="soft small">{t.noImage}</span>
        ) : (
          <span className="small">
            <span className={deployment.silent_since ? "amber" : "soft"}>
              {deployment.silent_since ? t.silentSince : t.lastImage}
            </span>{" "}
            <Timestamp at={deployment.last_image_at} zone={deployment.time_zone} />
          </span>
        )}
        {deployment.habitat && <span className="soft small">{deployment.habitat}</span>}
        <div className="actions">
          <LinkButton
            small
            href={withSearch(paths.images(project.id), { deployment: deployment.id })}
          >
            {t.seeImages}
          </LinkButton>
          {canManage(project) && (
            <LinkButton small kind="quiet" href={paths.deployment(project.id, deployment.id)}>
              {uiTexts.edit}
            </LinkButton>
          )}
        </div>
      </div>
      <IconButton label={t.close} onClick={onClose}>
        <X size={16} />
      </IconButton>
    </section>
  )
}
