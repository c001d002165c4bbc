/** The progress of a job, which the first screen shows without the other texts of jobs. */
export const jobBarTexts = {
  progress: "Progress",
}
