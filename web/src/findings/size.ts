/** The size of an image or a part of the screen, in pixels. */

/** Where the picture lies on the canvas: pure sums, in CSS pixels. */

export interface Size {
  width: number
  height: number
}
