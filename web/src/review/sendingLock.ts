/** The lock that one tab holds while it sends decisions. */

/**
 * Ensure that one tab sends at a time. The lock does not exist on plain HTTP: there two tabs can
 * send the same request, which is stored once by its key.
 */
export async function runExclusively(act: () => Promise<void>): Promise<void> {
  await (navigator.locks ? navigator.locks.request("trapline-outbox", act) : act())
}
