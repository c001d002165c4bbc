/** A mark at a location that is rounded or withheld for the user's role; none if it is exact. */
import type { LocationPrecision } from "../api/types"
import { locationTexts as t } from "./en"

export function LocationBadge({ precision }: { precision: LocationPrecision }) {
  if (precision === "exact") return null
  return (
    <span className="badge location-badge" title={t.reason} data-precision={precision}>
      {t.badges[precision]}
    </span>
  )
}
