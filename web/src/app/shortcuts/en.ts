/** The keys of all screens, which load with the list that shows them. */
export const shortcutTexts = {
  title: "Keyboard shortcuts",
  open: (key: string) => `g then ${key}`,
  groups: [
    {
      name: "Everywhere",
      keys: [
        ["?", "show keyboard shortcuts"],
        ["/", "search"],
        ["Esc", "close what is open"],
      ],
    },
    {
      name: "Images",
      keys: [
        ["← → ↑ ↓", "move"],
        ["Enter", "open"],
        ["x", "select"],
        ["Shift + x", "select up to here"],
        ["r", "run a pipeline on the selected images"],
      ],
    },
    {
      name: "One image",
      keys: [
        ["← → or J K", "previous, next"],
        ["+ −", "zoom in, out"],
        ["0", "fit the image"],
        ["1", "one image pixel per screen pixel"],
        ["Shift + arrows", "move the image"],
        ["y", "confirm"],
        ["x", "correct"],
        ["n", "blank"],
        ["u", "unsure"],
        ["m", "comment"],
        ["z, Shift + z", "undo, redo"],
        ["d", "draw a box: arrows, Shift + arrows, Enter"],
        ["e, Delete", "change, delete the selected box"],
        ["a", "findings on or off"],
        ["b, v", "night preset, sliders"],
        ["f", "zoom to the box"],
        ["h, held", "hide findings"],
        ["g", "magnifier"],
        ["o", "observations or model output"],
        ["c", "side by side on or off"],
        ["i", "information on or off"],
        ["Tab, Shift + Tab", "next, previous finding"],
        ["Esc", "clear the selection, back to the images"],
      ],
    },
  ] as { name: string; keys: [string, string][] }[],
}
