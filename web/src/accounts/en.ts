import { formatPlural } from "../ui/en"

export const accountTexts = {
  people: "People",
  account: "Account",
  name: "Name",
  email: "E-mail",
  you: "you",
  unnamed: "No name yet",

  peopleText: "All accounts of this server. Roles are assigned in each project.",
  countPeople: (count: number) => formatPlural(count, "account", "accounts"),
  invite: "Invite a user",
  inviteGo: "Create link",
  inviteName: "Name",
  inviteRole: (project: string) => `Role in ${project}`,
  noRole: "No role yet",
  operator: "Operator",
  operatorText: "Can invite and deactivate users and assign roles in every project.",
  linkTitle: "One-time link",
  linkText:
    "The link is shown only once and works once. Anyone with it can choose the password, so send it privately.",
  linkUntil: "Valid until",
  seen: "Last seen",
  reset: "New link",
  deactivate: "Deactivate",
  reactivate: "Reactivate",
  deactivateAsk: (name: string) => `Deactivate ${name}?`,
  deactivateText:
    "Their sessions, links and API tokens are revoked immediately and permanently, including worker tokens that they created. Their work is kept.",
  deactivated: (name: string) => `${name} deactivated.`,
  reactivated: (name: string) => `${name} reactivated.`,
  grantOperator: "Grant operator role",
  unmakeOperator: "Remove operator role",
  more: (name: string) => `Actions for ${name}`,
  onlyOperators: "Only operators manage accounts.",
  onlyYou: "You are the only user. Invite the people you work with.",

  accountText: (email: string) => `Signed in as ${email}.`,
  nameSaved: "Name saved.",
  password: "Password",
  oldPassword: "Current password",
  newPassword: "New password",
  passwordHint: "At least 10 characters. Your other sessions end.",
  passwordGo: "Set the password",
  passwordSet: "Password changed. Your other sessions have ended.",
  sessions: "Sessions",
  sessionsText: "Browsers where you are signed in.",
  thisOne: "this one",
  browser: "Browser",
  begun: "Signed in",
  end: "Sign out",
  endOf: (address: string) => `Sign out the browser at ${address}`,
  endAll: "Sign out all other sessions",
  ended: "Session signed out.",
  endedAll: "All other sessions signed out.",

  scopes: "Permissions",
  everything: "All your permissions",
  scopeNames: {
    read: "Read",
    write: "Read and write, as a manager",
    own: "Read and write, as an owner",
    account: "Read, and manage the account",
  } as Record<string, string>,
  madeByToken: "created by another token",

  welcomeInvite: (email: string) => `This creates your account, ${email}. Choose a password.`,
  welcomeReset: (email: string) => `Choose a new password for ${email}. Your other sessions end.`,
  welcomeGo: "Set the password and sign in",
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
  forgot: "Forgot password?",
}

export const forgotPasswordTexts = {
  title: "Forgot password",
  text: "An e-mail with a link for a new password is sent to the address of your account.",
  go: "Send link",
  sent: (email: string) =>
    `If an active account has the address ${email}, an e-mail is on its way. Its link works once, within 24 hours. Earlier links no longer work.`,
  noMail: "This server sends no e-mail. Ask an operator for a link for a new password.",
  operator:
    "Operators create the link in the settings under People, or with `trapline user reset`. On the server's machine, `trapline link` prints a link that signs in.",
}

export const oneTimeLinkTexts = {
  title: "Welcome",
  owner: "Create the owner's account. It has all permissions and can invite users.",
  name: "Your name",
  email: "E-mail",
  password: "Password",
  passwordHint: "At least 10 characters.",
  go: "Create account",
  signingIn: "Signing you in",
  signIn: "Sign in with this link",
  noLink: "This URL does not contain a one-time link.",
  expired:
    "Links work once and expire. Ask the person who sent it for a new one, or run `trapline link` on the server's machine.",
  toSignIn: "Sign in with a password",
}

export const tokenTexts = {
  tokens: "API tokens",
  tokensText:
    "A token identifies you in scripts and workers. Anyone with this token has its permissions.",
  newToken: "New token",
  tokenName: "Name",
  kind: "For",
  kinds: {
    user: "Your own scripts",
    worker: "A worker",
    pipeline: "An external pipeline",
  } as Record<string, string>,
  expires: "Expires",
  inDays: (days: number) => `in ${formatPlural(days, "day", "days")}`,
  made: "Created",
  used: "Last used",
  revoke: "Revoke",
  revoked: "revoked",
  revokedToast: "Token revoked.",
  revokeAsk: (name: string) => `Revoke “${name}”?`,
  revokeText: "Programs that use it stop working immediately.",
  noTokens: "No token yet.",
  onlyThis: "Only for this project",
  shownOnce: "This token is shown only once.",
  state: "State",
  active: "active",
  expired: "expired",
  make: "Create token",
}
