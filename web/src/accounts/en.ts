/** The words of people, their accounts, sessions and tokens. A part of the English catalogue. */

const number = new Intl.NumberFormat("en")
const plural = (count: number, one: string, many: string) => `${number.format(count)} ${count === 1 ? one : many}`

export const accountTexts = {
  members: "Members", people: "People", account: "Account",
  roles: { viewer: "Viewer", reviewer: "Reviewer", manager: "Manager", owner: "Owner" } as Record<string, string>,
  may: { viewer: "sees", reviewer: "also says what is on images", manager: "also adds images, sources, runs and exports", owner: "also gives roles, keeps secrets, and deletes images and the project" } as Record<string, string>,
  states: { invited: "invited", active: "active", deactivated: "deactivated" } as Record<string, string>,
  name: "Name", email: "E-mail", role: "Role", since: "Since", state: "State", you: "you", unnamed: "No name yet",
  membersText: "Who has a role in this project. Each role may do what those before it may.", count: (count: number) => plural(count, "member", "members"),
  add: "Add a member", addGo: "Give the role", added: (email: string) => `${email} has a role here now.`, changed: "The role is changed.",
  roleOf: (name: string) => `Role of ${name}`, remove: "Remove", removeOf: (name: string) => `Remove ${name}`, leave: "Leave",
  removeAsk: (name: string) => `Remove ${name} from the project?`, removeText: "They see nothing of it any more, at once. What they did stays.",
  leaveAsk: "Leave this project?", leaveText: "You see nothing of it any more. An owner can give you a role again.", removed: "The role is taken away.",
  alone: "You are alone here. Add a member, so that others see what you see.", notYours: "An owner gives roles and takes them away.",
  addHint: "They need an account. An operator of this Trapline invites people.", addHintOperator: "They need an account: invite them under People first.",

  peopleText: "Everybody who has an account here. Their roles are given in each project.", countPeople: (count: number) => plural(count, "account", "accounts"),
  invite: "Invite somebody", inviteGo: "Make the link", inviteName: "What they are called", inviteRole: (project: string) => `Role in ${project}`, noRole: "None yet",
  operator: "Operator", operatorText: "May invite and deactivate people, and give roles in every project.",
  linkTitle: "Give them this link", linkText: "It is shown only now, works once, and lets whoever has it choose the password. Send it where only they read.", linkUntil: "Good until",
  projects: "Projects", seen: "Last seen", reset: "New link", resetOf: (name: string) => `Make a link for ${name}`, deactivate: "Deactivate", reactivate: "Reactivate",
  deactivateAsk: (name: string) => `Deactivate ${name}?`, deactivateText: "Their sessions, links and API tokens end at once and for good, those of workers that they made too. What they did stays.",
  deactivated: (name: string) => `${name} is out.`, reactivated: (name: string) => `${name} can sign in again.`, makeOperator: "Make an operator", unmakeOperator: "No operator any more",
  more: (name: string) => `More about ${name}`, onlyOperators: "Accounts are the business of operators.", onlyYou: "So far this is you alone. Invite those you work with.",

  accountText: (email: string) => `Signed in as ${email}.`, nameSaved: "Your name is saved.",
  password: "Password", oldPassword: "Present password", newPassword: "New password", passwordHint: "At least 10 characters. Your other sessions end.", passwordGo: "Set the password", passwordSet: "The password is set. Your other sessions are over.",
  sessions: "Sessions", sessionsText: "The browsers that you are signed in with.", thisOne: "this one", browser: "Browser", address: "Address", begun: "Signed in", end: "Sign out", endOf: (address: string) => `Sign out the browser at ${address}`,
  endAll: "Sign out everywhere else", ended: "It is signed out.", endedAll: "All other browsers are signed out.",

  scopes: "May", everything: "All that you may", scopeNames: { read: "See", write: "See and change, up to a manager's work", own: "See and change, an owner's work too", account: "See, and what is about accounts" } as Record<string, string>,
  madeByToken: "made by another token",

  endTitle: "When the project is over", deleteTitle: "Delete the project", deleteText: "Nobody sees it any more, and its sources and webhooks pause. For some time it can be restored; then it goes for good, with all its images and everything found on them.",
  deleteGo: "Delete the project", deleteName: (name: string) => `Its name, “${name}”, so that it is no other`, deleted: (name: string) => `“${name}” is deleted. It can be restored for some time.`,
  archive: "Archive", unarchive: "Take out of the archive", archiveText: "An archived project is only looked at: changes are refused, its sources pause, and none of its tasks is handed out until it is taken out of the archive. Exports can still be made.", archived: "The project is archived.", unarchived: "The project is out of the archive.",
  deletedTitle: "Deleted projects", deletedText: "They can be restored until they go for good.", restore: "Restore", restoreOf: (name: string) => `Restore ${name}`, restored: (name: string) => `“${name}” is back.`, goneAfter: "Goes for good", deletedAt: "Deleted",

  welcomeInvite: (email: string) => `This makes your account, ${email}. Choose a password.`, welcomeReset: (email: string) => `Choose a new password for ${email}. Your other sessions end.`, welcomeGo: "Set the password and sign in",
}
