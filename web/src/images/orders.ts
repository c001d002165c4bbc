/** The orders of a list of images. */
export const ORDERS = [
  "-captured_at",
  "captured_at",
  "least_certain",
  "models_disagree",
  "people_disagree",
  "random",
] as const
export type ImageOrder = (typeof ORDERS)[number]

/** Parse the order in the URL; anything but a known one is the newest first. */
export const parseOrder = (text: string): ImageOrder =>
  ORDERS.find((one) => one === text) ?? "-captured_at"

/** Whether an order is that of capture times, of which the grid knows the place of each image. */
export const isOrderOfTime = (order: string) => parseOrder(order).endsWith("captured_at")
