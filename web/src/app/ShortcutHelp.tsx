/** The list of all keyboard shortcuts, opened with "?". */
import { Dialog } from "../ui/Dialog"
import { shortcutTexts } from "./shortcuts/en"

interface ShortcutHelpProps {
  open: boolean
  onClose: () => void
  /** The shortcuts of the current screen, if it has separate ones. */
  groups?: typeof shortcutTexts.groups
}

export function ShortcutHelp({ open, onClose, groups = shortcutTexts.groups }: ShortcutHelpProps) {
  return (
    <Dialog open={open} onClose={onClose} title={shortcutTexts.title} wide>
      <div className="shortcut-list">
        {groups.map((group) => (
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
