/** A small map to set a position on, with the other deployments to go by. */
import type { Deployment } from "../../api/types"
import { mapWords as w } from "./en"
import { DeploymentMap } from "./DeploymentMap"
import type { Place } from "./projection"

export function PlacePicker({ others, mark, onPlace }: { others: Deployment[]; mark: Place | null; onPlace: (place: Place) => void }) {
  return (
    <div>
      <div className="form-map"><DeploymentMap deployments={others} label={w.placeLabel} mark={mark} onPlace={onPlace} /></div>
      <p className="hint">{w.place}</p>
    </div>
  )
}
