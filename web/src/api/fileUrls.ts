/** Addresses of stored files, as this tab can reach them. */

/**
 * The server writes absolute addresses with its public name, for workers. The page may have been opened by another
 * name of the same server (127.0.0.1 for localhost, an address in the field), and its policy allows only its own.
 */
export function fileUrl(url: string): string {
  const there = new URL(url, window.location.href)
  return there.pathname.startsWith("/files/") ? there.pathname + there.search : url
}
