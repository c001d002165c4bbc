/** What was dropped or chosen, as files: folders are read with their sub-folders, and only pictures are taken of them. */

const PICTURE = /\.(jpe?g|jpe|png|webp|tiff?|bmp|heic|heif)$/i

/** Whether a file of a folder is a picture by its name; hidden ones and those in hidden folders are not. */
function isPicture(path: string): boolean {
  return PICTURE.test(path) && !path.split("/").some((part) => part.startsWith("."))
}

/** The files of a drop, every one that was dropped itself and the pictures of folders. */
export async function readDropped(transfer: DataTransfer): Promise<File[]> {
  // After the first pause the browser has forgotten what was dropped.
  const plain = [...transfer.files]
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry())
  if (!entries.some((entry) => entry?.isDirectory)) return plain
  const found = await Promise.all(entries.map((entry) => (entry ? readEntry(entry, true) : [])))
  return found.flat()
}

/** The pictures of a folder that was chosen. */
export function readChosenFolder(files: Iterable<File>): File[] {
  return [...files].filter((file) => isPicture(file.webkitRelativePath || file.name))
}

async function readEntry(entry: FileSystemEntry, isDropped: boolean): Promise<File[]> {
  if (entry.isFile) {
    if (!isDropped && !isPicture(entry.fullPath)) return []
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: File[] = []
  for (;;) {
    // A browser gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return found
    for (const inner of some) found.push(...(await readEntry(inner, false)))
  }
}
