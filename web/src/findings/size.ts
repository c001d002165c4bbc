/** The size of an image or of an area of the screen, in pixels. */

export interface Size {
  width: number
  height: number
}
