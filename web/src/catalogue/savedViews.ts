/** Converts between saved views and the filters of the grid. */
import type { SavedView } from "../api/types"
import { buildFilter, buildSelection } from "../exports/exportSelection"
import type { ImageFilter } from "../images/queries"

const NEWEST = "-captured_at"

/** Build the filter and order of a view as the API stores them. */
export const buildViewFilter = (filter: ImageFilter) => ({
  filter: { ...buildSelection(filter), deleted: filter.deleted === "true" },
  order: (filter.order || NEWEST) as SavedView["order"],
  seed: 0,
})

/** Return a text that is equal for equal filters with equal orders. */
export const getViewKey = (filter: ImageFilter) => {
  const { filter: conditions, order } = buildViewFilter(filter)
  return JSON.stringify([Object.entries(conditions).sort(), order])
}

/**
 * Return the filter of the grid that shows a view; null if the page cannot show all its conditions,
 * such as those that a program saved.
 */
export function parseView(view: SavedView): ImageFilter | null {
  const { deleted, ...conditions } = view.filter
  const set = Object.entries(conditions).filter(
    ([, value]) => value !== null && value !== undefined,
  )
  const { filter } = buildFilter(conditions)
  if (Object.keys(buildSelection(filter)).length < set.length) return null
  return {
    ...filter,
    deleted: deleted ? "true" : "",
    order: view.order === NEWEST ? "" : view.order,
  }
}

/** Find the view that shows the current filter. */
export const findCurrentView = (views: SavedView[], filter: ImageFilter) =>
  views.find((view) => {
    const wanted = parseView(view)
    return wanted !== null && getViewKey(wanted) === getViewKey(filter)
  })
