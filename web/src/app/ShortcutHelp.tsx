/** The list of all keyboard shortcuts, opened with "?". */
import { Dialog } from "../ui/Dialog"
import { shortcutTexts } from "./en"

export function ShortcutHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title={shortcutTexts.title} wide>
      <div className="shortcut-list">
        {shortcutTexts.groups.map((group) => (
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
