export const circleMapTexts = {
  canvas: "Map. Arrow keys move it, plus and minus zoom.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Show all",
  source: "Land: Natural Earth",
  tilesFailed: "The map tiles could not be loaded.",
  gestures: {
    "CooperativeGesturesHandler.WindowsHelpText": "Use Ctrl and scroll to zoom the map",
    "CooperativeGesturesHandler.MacHelpText": "Use ⌘ and scroll to zoom the map",
    "CooperativeGesturesHandler.MobileHelpText": "Use two fingers to move the map",
  },
}
