/**
 * The image to which the grid scrolls when the user returns: its day and time, its index if known,
 * and the top of the tile from which the viewer was opened, in pixels of the window.
 */
export interface GridPosition {
  id: string
  day: string
  takenAt?: string
  index?: number
  y?: number
}

/** Return the position that is stored in the browser's history entry. */
export const getSavedPosition = () =>
  (window.history.state as { at?: GridPosition } | null)?.at ?? null
