export const brandTexts = {
  product: "Trapline",
  tagline: "From cameras in the field to verified observations.",
}
