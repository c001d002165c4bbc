/** Whether this browser can draw maps. */
let found: boolean | null = null

export function hasWebGl(): boolean {
  if (found === null) {
    const context = document.createElement("canvas").getContext("webgl2")
    found = context !== null
    // Browsers allow few contexts at the same time.
    context?.getExtension("WEBGL_lose_context")?.loseContext()
  }
  return found
}
