/** English texts of public pages. */
import { formatCount, formatPlural } from "../ui/en"

export const publicTexts = {
  banner: "You are looking at a public project. People, places and file names are withheld.",
  signIn: "Sign in", overview: "Overview", images: "Images", deployments: "Cameras", main: "Parts of the project",
  camera: (of: number) => `Camera ${formatCount(of)}`, imageCount: (count: number) => formatPlural(count, "image", "images"), cameraCount: (count: number) => formatPlural(count, "camera", "cameras"), found: "What was found", newest: "The newest images", seeAll: "See all",
  since: (from: string, to: string) => (from === to ? from : `${from} to ${to}`), noneTitle: "Nothing to see yet",
  none: "An image is shown once a model has looked at it and found nobody on it.", noneFiltered: "No image that is shown fits this.",
  anyCamera: "Any camera", anyClass: "Anything found", newestFirst: "Newest first", oldestFirst: "Oldest first", more: "Show more", last: "Last image",
  shows: "Shows", nothing: "Nothing was found on it.", taken: "Taken", previous: "Previous image", next: "Next image", back: "All images", boxes: "Show boxes",
  goneTitle: "There is no public project here", gone: "It may have been public before. Sign in to see what you are a member of.",
  goneImageTitle: "This image is not shown", goneImage: "It may have been shown before.",
  placeWithheld: "Where the cameras stand, and what they are called, is withheld.",
}
