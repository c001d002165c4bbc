/** Where somebody wanted to go before they had to sign in; kept for this tab while another site signs them in. */

const KEPT = "trapline.goal"

/** An address of this page and no other, or null. */
export function ownAddress(to: string | null): string | null {
  return to?.startsWith("/") && !/^\/[/\\]/.test(to) ? to : null
}

export function keepGoal(to: string | null): void {
  const goal = ownAddress(to)
  if (goal) sessionStorage.setItem(KEPT, goal)
  else sessionStorage.removeItem(KEPT)
}

export function takeGoal(): string | null {
  const goal = ownAddress(sessionStorage.getItem(KEPT))
  sessionStorage.removeItem(KEPT)
  return goal
}
