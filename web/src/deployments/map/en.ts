import { formatCount } from "../../ui/en"

export const compassTexts = { east: "E", west: "W", north: "N", south: "S" }

export const mapTexts = {
  map: "map",
  label: "Map of the deployments. Arrow keys move it, plus and minus zoom, 0 shows all.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Show all",
  one: (name: string, silent: boolean, badge: string | undefined) =>
    [name, silent && "silent", badge].filter(Boolean).join(", "),
  together: (count: number, silent: boolean) =>
    `${formatCount(count)} deployments close to each other${silent ? ", some silent" : ""}: zoom in`,
  scale: (length: string) => `Scale: the bar is ${length} long`,
  lastImage: "Last image",
  noImage: "No image yet",
  silentSince: "Silent. Its last image was taken",
  close: "Close",
  seeImages: "See its images",
  show: (name: string) => `Show ${name} on the map`,
  unplaced: (count: number) =>
    count === 1
      ? "1 deployment has no position yet, so it is not on the map."
      : `${formatCount(count)} deployments have no position yet, so they are not on the map.`,
  noPosition: "no position yet",
  setPosition: "Set its position",
  withheld: (count: number) =>
    count === 1
      ? "1 deployment is not on the map, because its location is withheld."
      : `${formatCount(count)} deployments are not on the map, because their locations are withheld.`,
  noneShown: "No location is shown.",
  noneShownText: "The locations of sensitive taxa are withheld for your role.",
  none: "No deployment has a position yet.",
  noneText: "Enter the latitude and longitude of a deployment to show it here.",
  images: (count: number) => `${formatCount(count)} ${count === 1 ? "image" : "images"}`,
  place: "Press the map to set the position, or type it below.",
  placeKeys: "Press to set the position; Enter takes the middle of the map",
  placeLabel:
    "Map to set the position on. Arrow keys move it, plus and minus zoom, Enter takes its middle.",
  list: "Deployments",
}
