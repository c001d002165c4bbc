/**
 * Lists dropped or selected files with their paths. Folders are read with their subfolders, and
 * only their images are uploaded.
 */

const IMAGE = /\.(jpe?g|jpe|png|webp|tiff?|bmp|heic|heif)$/i

/** A file with its path in the dropped or selected folder. */
export interface SelectedFile {
  file: File
  path: string
}

export interface FileSelection {
  files: SelectedFile[]
  /** Files of folders whose names are not those of images. */
  leftOut: string[]
  /** Number of hidden files in folders. */
  hidden: number
}

export const buildEmptySelection = (): FileSelection => ({ files: [], leftOut: [], hidden: 0 })

/** Return all files that the user selected one by one. */
export const selectFiles = (files: Iterable<File>): FileSelection => ({
  ...buildEmptySelection(),
  files: [...files].map((file) => ({ file, path: file.name })),
})

/** Return all files that were dropped directly, and the images of dropped folders. */
export async function readDroppedFiles(transfer: DataTransfer): Promise<FileSelection> {
  // The browser clears DataTransfer after the first await, so read everything first.
  const plain = [...transfer.files]
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry())
  if (!entries.some((entry) => entry?.isDirectory)) return selectFiles(plain)
  const chosen = buildEmptySelection()
  for (const entry of entries) if (entry) await readEntry(entry, true, chosen)
  return chosen
}

/** Return the images of a selected folder. */
export function readSelectedFolder(files: Iterable<File>): FileSelection {
  const chosen = buildEmptySelection()
  for (const file of files) {
    const path = file.webkitRelativePath || file.name
    if (isImage(path, chosen)) chosen.files.push({ file, path })
  }
  return chosen
}

/**
 * Whether a file of a folder is an image by its name. Otherwise it is counted or listed as left
 * out.
 */
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
    // Chromium returns up to 100 entries per call, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return
    for (const inner of some) await readEntry(inner, false, chosen)
  }
}
