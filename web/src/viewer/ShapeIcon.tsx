/** The icon of the button that draws a shape. */
import { MapPin, Pentagon, SquarePen } from "lucide-react"
import type { ShapeKind } from "./shapeGeometry"

const ICONS = { box: SquarePen, point: MapPin, polygon: Pentagon }

export function ShapeIcon({ kind, size }: { kind: ShapeKind; size: number }) {
  const Icon = ICONS[kind]
  return <Icon size={size} aria-hidden />
}
