/**
 * The path to open after sign-in. It is stored for this tab, because OpenID Connect leaves the
 * page.
 */

const STORAGE_KEY = "trapline.goal"

/** Return a URL's path if it is a path of this page; otherwise null. */
export function getOwnPath(to: string | null): string | null {
  return to?.startsWith("/") && !/^\/[/\\]/.test(to) ? to : null
}

export function saveReturnTo(to: string | null): void {
  const goal = getOwnPath(to)
  if (goal) sessionStorage.setItem(STORAGE_KEY, goal)
  else sessionStorage.removeItem(STORAGE_KEY)
}

export function consumeReturnTo(): string | null {
  const goal = getOwnPath(sessionStorage.getItem(STORAGE_KEY))
  sessionStorage.removeItem(STORAGE_KEY)
  return goal
}
