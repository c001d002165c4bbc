/**
 * Return the URL of a stored file on the page's own origin.
 *
 * The server writes absolute URLs with its public name, for workers. The page may be open under
 * another name of the same server (127.0.0.1 instead of localhost, or a local IP address), and its
 * Content-Security-Policy allows only its own origin.
 */
export function fileUrl(url: string): string {
  const there = new URL(url, window.location.href)
  return there.pathname.startsWith("/files/") ? there.pathname + there.search : url
}
