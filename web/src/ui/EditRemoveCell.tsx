import { Button } from "./Button"
import { uiTexts } from "./en"

interface EditRemoveCellProps {
  /** The accessible name of the button "Edit", which names the row. */
  edit: string
  /** The accessible name of the button "Delete", which names the row. */
  remove: string
  onOpen: (what: "edit" | "remove") => void
}

/** The cell of a table row with the buttons that edit and delete it. */
export function EditRemoveCell({ edit, remove, onOpen }: EditRemoveCellProps) {
  return (
    <td className="row-actions">
      <span className="actions">
        <Button small aria-label={edit} onClick={() => onOpen("edit")}>
          {uiTexts.edit}
        </Button>
        <Button small kind="danger" aria-label={remove} onClick={() => onOpen("remove")}>
          {uiTexts.remove}
        </Button>
      </span>
    </td>
  )
}
