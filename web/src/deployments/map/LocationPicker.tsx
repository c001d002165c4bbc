/**
 * A small map on which the user sets a position; the other deployments are shown for orientation.
 */
import type { Deployment } from "../../api/types"
import { DeploymentMap } from "./DeploymentMap"
import { mapTexts as t } from "./en"
import type { Coordinates } from "./projection"

export function LocationPicker({
  others,
  mark,
  onPlace,
}: {
  others: Deployment[]
  mark: Coordinates | null
  onPlace: (place: Coordinates) => void
}) {
  return (
    <div>
      <div className="form-map">
        <DeploymentMap deployments={others} label={t.placeLabel} mark={mark} onPlace={onPlace} />
      </div>
      <p className="hint">{t.place}</p>
    </div>
  )
}
