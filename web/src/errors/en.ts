/** The server reports errors in English; other languages translate frequent ones. */
export const translateDetail = (detail: string) => detail

export const errorTexts = {
  unexpected: "An unexpected error occurred. Stored data is not affected.",
  noAnswer: (status: number) =>
    `The server returned an error (${status}). Stored data is not affected. Your last change may not be stored: check it before you repeat it.`,
  nothingChanged: "Nothing was changed.",
  unreachable: "The server does not respond. A change that you made just now may not be stored.",
  triesAgain:
    "Check the network. When the server responds again, check the result before you repeat a change.",
  reload: "Try again, or reload the page.",
  signIn: "Sign in again to continue.",
  askOwner: "Ask an owner of the project for a role with this permission.",
  goBack: "It may have been deleted. Go back to the list.",
  lookAgain: "Look at it again, then decide.",
  reportWith: (request: string) =>
    `Try again. If the error continues, send your operator this request ID: ${request}.`,
  notFoundTitle: "Page not found",
  notFound: "It may have been moved or deleted, or you are not a member of its project.",
  toOverview: "Go to overview",
  pageBroke: "This page failed. Stored data is not affected.",
}
