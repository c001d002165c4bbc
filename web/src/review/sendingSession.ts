/** The session with which the outbox sends decisions. */
import { api, type Session, setSession, unwrap } from "../api/client"
import { isSessionOver } from "../api/problems"
import { notify } from "./outboxEvents"

/** Stop sending until the user signs in again. */
export function endSession(): false {
  setSession(null)
  notify("onSessionOver")
  return false
}

/**
 * Whether the cookie belongs to another session than the page's, as after a sign-in in another tab.
 */
export async function hasSessionChanged(session: Session): Promise<boolean> {
  try {
    const caller = await unwrap(api.GET("/api/v2/auth/me"))
    if (caller.user_id === session.user && caller.csrf_token === session.csrfToken) return false
    setSession(caller)
    if (caller.user_id !== session.user) notify("onSessionOver")
  } catch (error) {
    if (!isSessionOver(error)) throw error
    endSession()
  }
  return true
}
