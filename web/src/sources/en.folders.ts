/** Text of the folders that operators grant to projects. A part of the English catalogue. */

export const sourceFolderTexts = {
  title: "Source folders",
  text: "Folders of the server's machine that a project's sources may read. Only operators grant them.",
  path: "Folder", pathHint: "Absolute path on the server's machine, such as /media/cards. It must lie below TRAPLINE_SOURCE_FOLDERS.",
  project: "Project", grant: "Grant folder", granted: (path: string) => `${path} granted.`,
  revoke: "Revoke", revokeOf: (path: string) => `Revoke ${path}`, revokeAsk: (path: string) => `Revoke ${path}?`,
  revokeText: "Sources that read this folder pause. Their images are kept.", revoked: "Folder revoked.",
  none: "No folder is granted.",
  missing: "Sources whose folder is not granted", missingText: "They do not run. Grant the folder, then resume the source.",
}
