/** Upload requests with progress, which fetch cannot report. */
import { csrfHeaders } from "../api/client"
import { ApiProblem } from "../api/problems"
import type { Import, Upload } from "../api/types"
import type { SelectedFile } from "./droppedFiles"

/**
 * Upload a file with its path to a deployment. `onProgress` is called with fractions from 0 to 1.
 * Throws AbortError if `signal` aborts it.
 */
export function uploadFile(
  { file, path }: SelectedFile,
  to: { project: number; deployment: string },
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  const form = new FormData()
  form.append("project", String(to.project))
  form.append("deployment", to.deployment)
  form.append("modified_at", new Date(file.lastModified).toISOString())
  form.append("files", file, path)
  return post<Upload>("/api/v2/images", form, onProgress, signal)
}

/** Upload a file of results unchanged; `query` says how to read it. Otherwise like `uploadFile`. */
export function sendImport(
  file: File,
  query: Record<string, string>,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Import> {
  return post<Import>(
    `/api/v2/imports?${new URLSearchParams(query).toString()}`,
    file,
    onProgress,
    signal,
    { "Content-Type": "application/octet-stream" },
  )
}

function post<Answer>(
  address: string,
  body: FormData | File,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open("POST", address)
    for (const [name, value] of Object.entries({ ...csrfHeaders(), ...headers }))
      request.setRequestHeader(name, value)
    request.responseType = "json"
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    request.onerror = () => reject(new ApiProblem(0, null))
    request.onabort = () => reject(new DOMException("stopped", "AbortError"))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as Answer)
      else reject(new ApiProblem(request.status, request.response as Record<string, string> | null))
    }
    request.onloadend = () => signal.removeEventListener("abort", abort)
    if (signal.aborted) return reject(new DOMException("stopped", "AbortError"))
    signal.addEventListener("abort", abort)
    request.send(body)
  })
}
