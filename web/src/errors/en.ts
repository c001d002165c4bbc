/** English texts of errors. */

export const errorTexts = {
  unexpected: "Something went wrong that we did not foresee. Nothing that is stored was lost.",
  noAnswer: (status: number) =>
    `The server could not answer (${status}). Nothing that is stored was lost; whether your last change was made is not certain, so look at it before you repeat it.`,
  nothingChanged: "Nothing was changed.",
  unreachable: "The server does not respond. A change that you made just now may not be stored.",
  triesAgain:
    "Check the network. When the server responds again, check the result before you repeat a change.",
  reload: "Try again, or load the page anew.",
  signIn: "Sign in again to go on.",
  askOwner: "Ask an owner of the project for a role that may do this.",
  goBack: "It may have been deleted. Go back and look for it there.",
  lookAgain: "Look at it again, then decide.",
  reportWith: (request: string) =>
    `Try again. If it stays, tell your operator this number: ${request}.`,
  notFoundTitle: "There is nothing at this address",
  notFound: "It may have been moved or deleted, or you are not a member of its project.",
  toOverview: "To the overview",
  pageBroke: "This screen broke. Nothing that is stored was touched.",
}
