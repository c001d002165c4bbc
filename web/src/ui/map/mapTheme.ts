/** Colours and fonts of a map. */

/** Colours as `rgb(...)`, because a style does not resolve variables. */
export interface MapColours {
  water: string
  land: string
  line: string
  lineStrong: string
  ink: string
  inkSoft: string
  halo: string
  isDark: boolean
}

/** Fonts of the system: text is drawn without files of glyphs. */
export const FONTS = ["Noto Sans Regular", "Liberation Sans", "sans-serif"]
