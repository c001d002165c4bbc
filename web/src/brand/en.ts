/** English texts of the name and its layout. */

export const brandTexts = {
  product: "Trapline",
  tagline: "From cameras in the field to verified observations.",
}
