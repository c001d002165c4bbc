/** Sends files with progress, which fetch cannot report. */
import { csrfHeaders } from "./client"
import { ApiProblem } from "./problems"
import type { Upload } from "./types"

/** Uploads one file to a deployment; `onProgress` hears fractions from 0 to 1. Ended by `signal` it throws AbortError. */
export function uploadFile(
  file: File,
  to: { project: number; deployment: string },
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const form = new FormData()
    form.append("project", String(to.project))
    form.append("deployment", to.deployment)
    form.append("modified_at", new Date(file.lastModified).toISOString())
    form.append("files", file, file.name)
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open("POST", "/api/v2/images")
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value)
    request.responseType = "json"
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    request.onerror = () => reject(new ApiProblem(0, null))
    request.onabort = () => reject(new DOMException("stopped", "AbortError"))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as Upload)
      else reject(new ApiProblem(request.status, request.response as Record<string, string> | null))
    }
    request.onloadend = () => signal.removeEventListener("abort", abort)
    if (signal.aborted) return reject(new DOMException("stopped", "AbortError"))
    signal.addEventListener("abort", abort)
    request.send(form)
  })
}
