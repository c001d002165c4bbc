/** The deployments as a list that is synchronized with the map next to it. */
import { MapPin } from "lucide-react"
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react"
import { Link } from "wouter"
import type { Deployment } from "../../api/types"
import { paths, withSearch } from "../../paths"
import { canManage, useProject } from "../../projects/projectContext"
import { IconButton } from "../../ui/Button"
import { Timestamp } from "../../ui/time"
import { clockTexts, deploymentTexts } from "../en"
import { LocationBadge } from "../LocationBadge"
import { formatCoordinates, isExact, isWithheld } from "../locationPrecision"
import { ZoneWarning } from "../ZoneWarning"
import { mapTexts as t } from "./en"
import "../deployments.css"

interface DeploymentListProps {
  deployments: Deployment[]
  chosen: string | null
  lit: string | null
  onChoose: (id: string | null) => void
  onLit: (id: string | null) => void
  /** Renders the actions of a deployment. */
  acts: (one: Deployment) => ReactNode
}

export function DeploymentList({
  deployments,
  chosen,
  lit,
  onChoose,
  onLit,
  acts,
}: DeploymentListProps) {
  const project = useProject()
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    list.current
      ?.querySelector(`[data-deployment="${CSS.escape(chosen ?? "")}"]`)
      ?.scrollIntoView({ block: "nearest" })
  }, [chosen])
  // The arrow keys move between pins, and the map follows.
  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const pins = [...event.currentTarget.querySelectorAll<HTMLButtonElement>("button[data-pin]")]
    const next = by && pins[pins.indexOf(event.target as HTMLButtonElement) + by]
    if (!next || !pins.includes(event.target as HTMLButtonElement)) return
    event.preventDefault()
    next.focus()
    onChoose(next.dataset.pin ?? null)
  }
  return (
    <ul className="place-list" ref={list} aria-label={t.list} onKeyDown={onKeyDown}>
      {deployments.map((one) => {
        const coordinates = formatCoordinates(one)
        const look = [
          "place",
          one.id === lit ? "place-highlighted" : "",
          one.id === chosen ? "place-chosen" : "",
        ]
          .filter(Boolean)
          .join(" ")
        return (
          <li
            key={one.id}
            className={look}
            data-deployment={one.id}
            onMouseEnter={() => onLit(one.id)}
            onMouseLeave={() => onLit(null)}
          >
            <p className="place-name">
              <Link
                href={withSearch(paths.images(project.id), { deployment: one.id })}
                title={deploymentTexts.seeImages}
              >
                {one.name}
              </Link>
              {one.is_default && (
                <span className="faint small" title={clockTexts.defaultHint}>
                  {" "}
                  {clockTexts.default}
                </span>
              )}
              {one.silent_since && <span className="silent"> {clockTexts.silent}</span>}
            </p>
            <p className="place-facts">
              <span>{t.images(one.images)}</span>
              {one.last_image_at && <Timestamp at={one.last_image_at} zone={one.time_zone} />}
              {coordinates ? (
                <span>{coordinates}</span>
              ) : isWithheld(one) ? null : canManage(project) && isExact(one) ? (
                <Link href={paths.deployment(project.id, one.id)}>{t.setPosition}</Link>
              ) : (
                <span className="faint">{t.noPosition}</span>
              )}
              <LocationBadge precision={one.location_precision} />
              <span>{one.time_zone}</span>
              {one.camera && <span>{one.camera}</span>}
              {one.habitat && <span>{one.habitat}</span>}
              {one.capture_times_pending && (
                <span>{clockTexts.dating(one.images_dated, one.images_to_date)}</span>
              )}
            </p>
            <ZoneWarning deployment={one} />
            <div className="place-actions">
              {coordinates && (
                <IconButton
                  label={t.show(one.name)}
                  aria-pressed={one.id === chosen}
                  data-pin={one.id}
                  onClick={() => onChoose(one.id === chosen ? null : one.id)}
                  onFocus={() => onLit(one.id)}
                  onBlur={() => onLit(null)}
                >
                  <MapPin size={17} />
                </IconButton>
              )}
              {acts(one)}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
