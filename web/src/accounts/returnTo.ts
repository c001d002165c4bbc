/** Where somebody wanted to go before they had to sign in; kept for this tab while another site signs them in. */

const STORAGE_KEY = "trapline.goal"

/** An address of this page and no other, or null. */
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
