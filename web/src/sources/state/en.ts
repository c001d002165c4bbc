/** The states of sources, which the first screen shows without the other texts of sources. */
export const sourceStateTexts = {
  lastRun: "Last run",
  health: {
    ok: "OK",
    failing: "Failing",
    no_images: "No images",
    all_failing: "All files fail",
    behind: "Behind",
    paused: "Paused",
    new: "New",
    running: "Running",
  } as Record<string, string>,
  states: {
    seen: "waiting",
    imported: "imported",
    duplicate: "already here",
    skipped: "skipped",
    failed: "failed",
    quarantined: "quarantined",
  } as Record<string, string>,
  runStates: {
    running: "Running",
    completed: "Completed",
    failed: "Failed",
    interrupted: "Interrupted",
  } as Record<string, string>,
}
