/** Files that were dropped or chosen, with their paths: folders are read with their sub-folders, and only images are taken from them. */

const IMAGE = /\.(jpe?g|jpe|png|webp|tiff?|bmp|heic|heif)$/i

/** A file, and its path in the folder that it was dropped or chosen with. */
export interface SelectedFile {
  file: File
  path: string
}

export interface FileSelection {
  files: SelectedFile[]
  /** Files of folders that are not images by their names. */
  leftOut: string[]
  /** How many hidden files of folders were left out. */
  hidden: number
}

export const buildEmptySelection = (): FileSelection => ({ files: [], leftOut: [], hidden: 0 })

/** The files of a picker: each of them was meant. */
export const selectFiles = (files: Iterable<File>): FileSelection => ({
  ...buildEmptySelection(),
  files: [...files].map((file) => ({ file, path: file.name })),
})

/** The files of a drop: each that was dropped itself, and the images of folders. */
export async function readDroppedFiles(transfer: DataTransfer): Promise<FileSelection> {
  // After the first pause the browser has forgotten what was dropped.
  const plain = [...transfer.files]
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry())
  if (!entries.some((entry) => entry?.isDirectory)) return selectFiles(plain)
  const chosen = buildEmptySelection()
  for (const entry of entries) if (entry) await readEntry(entry, true, chosen)
  return chosen
}

/** The images of a folder that was chosen. */
export function readSelectedFolder(files: Iterable<File>): FileSelection {
  const chosen = buildEmptySelection()
  for (const file of files) {
    const path = file.webkitRelativePath || file.name
    if (isImage(path, chosen)) chosen.files.push({ file, path })
  }
  return chosen
}

/** Whether a file of a folder is an image by its name; counts or names it where it is not. */
function isImage(path: string, chosen: FileSelection): boolean {
  if (path.split("/").some((part) => part.startsWith("."))) chosen.hidden += 1
  else if (IMAGE.test(path)) return true
  else chosen.leftOut.push(path)
  return false
}

async function readEntry(
  entry: FileSystemEntry,
  isDropped: boolean,
  chosen: FileSelection,
): Promise<void> {
  const path = entry.fullPath.replace(/^\/+/, "")
  if (entry.isFile) {
    if (!isDropped && !isImage(path, chosen)) return
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    )
    chosen.files.push({ file, path })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // A browser gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return
    for (const inner of some) await readEntry(inner, false, chosen)
  }
}
