/** English texts of accounts, sessions and tokens. */
import { formatPlural } from "../ui/en"

export const accountTexts = {
  people: "People", account: "Account",
  name: "Name", email: "E-mail", you: "you", unnamed: "No name yet",

  peopleText: "Everybody who has an account here. Their roles are given in each project.", countPeople: (count: number) => formatPlural(count, "account", "accounts"),
  invite: "Invite somebody", inviteGo: "Make the link", inviteName: "What they are called", inviteRole: (project: string) => `Role in ${project}`, noRole: "None yet",
  operator: "Operator", operatorText: "May invite and deactivate people, and give roles in every project.",
  linkTitle: "Give them this link", linkText: "It is shown only now, works once, and lets whoever has it choose the password. Send it where only they read.", linkUntil: "Good until", seen: "Last seen", reset: "New link", deactivate: "Deactivate", reactivate: "Reactivate",
  deactivateAsk: (name: string) => `Deactivate ${name}?`, deactivateText: "Their sessions, links and API tokens end at once and for good, those of workers that they made too. What they did stays.",
  deactivated: (name: string) => `${name} is out.`, reactivated: (name: string) => `${name} can sign in again.`, makeOperator: "Make an operator", unmakeOperator: "No operator any more",
  more: (name: string) => `More about ${name}`, onlyOperators: "Accounts are the business of operators.", onlyYou: "So far this is you alone. Invite those you work with.",

  accountText: (email: string) => `Signed in as ${email}.`, nameSaved: "Your name is saved.",
  password: "Password", oldPassword: "Present password", newPassword: "New password", passwordHint: "At least 10 characters. Your other sessions end.", passwordGo: "Set the password", passwordSet: "The password is set. Your other sessions are over.",
  sessions: "Sessions", sessionsText: "The browsers that you are signed in with.", thisOne: "this one", browser: "Browser", begun: "Signed in", end: "Sign out", endOf: (address: string) => `Sign out the browser at ${address}`,
  endAll: "Sign out everywhere else", ended: "It is signed out.", endedAll: "All other browsers are signed out.",

  scopes: "May", everything: "All that you may", scopeNames: { read: "See", write: "See and change, up to a manager's work", own: "See and change, an owner's work too", account: "See, and what is about accounts" } as Record<string, string>,
  madeByToken: "made by another token",

  welcomeInvite: (email: string) => `This makes your account, ${email}. Choose a password.`, welcomeReset: (email: string) => `Choose a new password for ${email}. Your other sessions end.`, welcomeGo: "Set the password and sign in",
}

export const signInTexts = {
title: "Sign in",
email: "E-mail",
password: "Password",
go: "Sign in",
lost: "Signed out, or nothing set up yet? The terminal where Trapline was started prints a one-time link.",
by: (name: string) => `Continue with ${name}`,
notSignedIn: "Not signed in",
back: "Back to the sign-in page",
}

export const oneTimeLinkTexts = {
  title: "Welcome", owner: "Make the owner's account. It can do everything here, and let others in.",
  name: "Your name", email: "E-mail", password: "Password", passwordHint: "At least 10 characters.", go: "Make the account",
  signingIn: "Signing you in", signIn: "Sign in with this link", noLink: "This address carries no link.",
  expired: "Links work once and expire. Whoever gave it to you can make a new one; on the server's machine, `trapline link` does.",
  toSignIn: "Sign in with a password",
}

export const tokenTexts = {
tokens: "API tokens",
tokensText: "A token stands for you in scripts and workers. Who has it can do what it may.",
newToken: "New token",
tokenName: "Name",
kind: "For",
kinds: { user: "Your own scripts", worker: "A worker", pipeline: "An outside pipeline" } as Record<string, string>,
expires: "Expires",
inDays: (days: number) => `in ${days} days`,
made: "Made",
used: "Last used",
revoke: "Revoke",
revoked: "revoked",
revokedToast: "The token is revoked.",
revokeAsk: (name: string) => `Revoke “${name}”?`,
revokeText: "What uses it stops working at once.",
noTokens: "No token yet.",
onlyThis: "Only for this project",
shownOnce: "This token is shown only now.",
state: "State",
active: "active",
expired: "expired",
make: "Make a token",
}
