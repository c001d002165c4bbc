/** The list of all keyboard shortcuts, opened with "?". */
import { Dialog } from "../ui/Dialog"
import { shortcutTexts } from "./shortcuts/en"

interface ShortcutHelpProps {
  open: boolean
  onClose: () => void
  /** The shortcuts of the current screen, if it has separate ones. */
  groups?: typeof shortcutTexts.groups
  /** The screens that a key opens after "g", which are listed in the first group. */
  screens?: { shortcut?: string; title?: string }[]
}

export function ShortcutHelp({ open, onClose, groups, screens = [] }: ShortcutHelpProps) {
  const opening = screens.flatMap(({ shortcut, title }): [string, string][] =>
    shortcut && title ? [[shortcutTexts.open(shortcut), title]] : [],
  )
  const shown = (groups ?? shortcutTexts.groups).map((group, index) =>
    index === 0 ? { ...group, keys: [...group.keys, ...opening] } : group,
  )
  return (
    <Dialog open={open} onClose={onClose} title={shortcutTexts.title} wide>
      <div className="shortcut-list">
        {shown.map((group) => (
          <section key={group.name}>
            <h3>{group.name}</h3>
            <ul>
              {group.keys.map(([key, does]) => (
                <li key={key}>
                  <span>{does}</span>
                  <kbd>{key}</kbd>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
