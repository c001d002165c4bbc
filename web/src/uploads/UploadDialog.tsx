/**
 * Uploads files and folders to a deployment, with progress and result of each file and a summary.
 */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { type DragEvent, useCallback, useMemo, useRef, useState } from "react"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { deploymentTexts } from "../deployments/en"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatProblem } from "../errors/problemText"
import { paths } from "../paths"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField } from "../ui/Field"
import { formatBytes } from "../ui/time"
import {
  type FileSelection,
  readDroppedFiles,
  readSelectedFolder,
  selectFiles,
} from "./droppedFiles"
import { uploadTexts } from "./en"
import { type UploadItem, type UploadOutcome, useUploads } from "./useUploads"
import "./uploads.css"

const t = uploadTexts
/** Maximum number of files listed; failed ones come first. */
const MAX_SHOWN = 200
const LISTED_FIRST: UploadOutcome[] = ["sending", "failed", "refused"]

function formatError(error: unknown): string {
  const said = formatProblem(error)
  return `${said.what} ${said.advice}`.trim()
}

export function UploadDialog({
  initial,
  onClose,
}: {
  initial: FileSelection
  onClose: () => void
}) {
  const project = useProject()
  const client = useQueryClient()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const [chosen, setChosen] = useState("")
  const [making, setMaking] = useState(false)
  const [leaving, setLeaving] = useState(false)
  const onDone = useCallback(() => {
    for (const key of ["image", "deployment", "project"])
      void client.invalidateQueries({ queryKey: [key] })
  }, [client])
  const uploads = useUploads(initial.files, formatError, onDone)
  const { items, busy } = uploads
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(() => new Set(initial.leftOut))
  const [hidden, setHidden] = useState(initial.hidden)
  const add = (chosen: FileSelection) => {
    uploads.add(chosen.files)
    setLeftOut((old) => new Set([...old, ...chosen.leftOut]))
    setHidden((old) => old + chosen.hidden)
  }
  const picker = useRef<HTMLInputElement>(null)
  const folderPicker = useRef<HTMLInputElement>(null)
  const deployment = chosen || deployments?.results[0]?.id || ""

  const count = (outcome: UploadOutcome) => items.filter((item) => item.outcome === outcome).length
  const waiting = count("waiting")
  const failed = count("failed")
  const done = items.length - waiting - count("sending")
  const close = () => (busy ? setLeaving(true) : onClose())
  // The screen behind the dialog also accepts dropped files.
  const onDrag = (event: DragEvent) => {
    event.preventDefault()
    event.stopPropagation()
  }
  const onDrop = (event: DragEvent) => {
    onDrag(event)
    void readDroppedFiles(event.dataTransfer).then(add)
  }
  const send = () => void uploads.send({ project: project.id, deployment })
  const noDeployment = deployments?.results.length === 0

  return (
    <Dialog open onClose={close} title={making || noDeployment ? t.newDeployment : t.title} wide>
      {making || noDeployment ? (
        <>
          {noDeployment && (
            <p className="soft" style={{ marginBottom: 16 }}>
              {t.needDeployment}
            </p>
          )}
          <DeploymentForm
            onDone={(made) => {
              if (made) setChosen(made.id)
              setMaking(false)
              if (!made && noDeployment) close()
            }}
          />
        </>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button does the same
        <div
          className="form"
          data-testid="upload"
          onDragEnter={onDrag}
          onDragOver={onDrag}
          onDrop={onDrop}
        >
          <SelectField
            label={t.deployment}
            value={deployment}
            disabled={busy}
            onChange={(event) =>
              event.target.value === "new" ? setMaking(true) : setChosen(event.target.value)
            }
          >
            {deployments?.results.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
            <option value="new">{deploymentTexts.newDeployment}</option>
          </SelectField>
          {!busy && done === 0 && (
            <div className="drop-area">
              <div className="actions">
                <Button onClick={() => picker.current?.click()}>{t.choose}</Button>
                <Button onClick={() => folderPicker.current?.click()}>{t.chooseFolder}</Button>
              </div>
              <span>{t.drop}</span>
            </div>
          )}
          <input
            ref={picker}
            type="file"
            multiple
            accept="image/*,.heic,.heif"
            hidden
            data-testid="files"
            onChange={(event) => {
              add(selectFiles(event.target.files ?? []))
              event.target.value = ""
            }}
          />
          <input
            ref={(element) => {
              element?.setAttribute("webkitdirectory", "")
              folderPicker.current = element
            }}
            type="file"
            hidden
            data-testid="folder"
            onChange={(event) => {
              add(readSelectedFolder(event.target.files ?? []))
              event.target.value = ""
            }}
          />
          {(busy || done > 0) && (
            <div
              className="bar"
              role="progressbar"
              aria-label={t.title}
              aria-valuenow={Math.round(uploads.fraction * 100)}
            >
              <span className="bar-done" style={{ width: `${uploads.fraction * 100}%` }} />
            </div>
          )}
          {uploads.trouble !== null && <ErrorMessage error={uploads.trouble} />}
          {(busy || done > 0) && (
            <p role="status">
              {busy
                ? t.progress(done, items.length)
                : t.result(count("imported"), count("duplicate"), count("refused") + failed)}
              {!busy && waiting > 0 && ` ${t.left(waiting)}`}
            </p>
          )}
          {!busy && <RejectedFiles items={items} />}
          <SkippedFiles paths={[...leftOut]} hidden={hidden} />
          {items.length > 0 && <FileList items={items} project={project.id} />}
          <div className="dialog-actions">
            {!busy && failed > 0 && waiting === 0 && <Button onClick={send}>{t.retry}</Button>}
            {busy && <Button onClick={uploads.stop}>{t.stop}</Button>}
            {waiting > 0 && !busy && (
              <Button kind="accent" disabled={!deployment} onClick={send}>
                {t.go(waiting + failed)}
              </Button>
            )}
            {waiting === 0 && (
              <Button kind={busy ? "plain" : "accent"} onClick={close}>
                {uiTexts.close}
              </Button>
            )}
          </div>
          <Confirm
            open={leaving && busy}
            onClose={() => setLeaving(false)}
            title={t.leaveTitle}
            text={t.leaveText}
            go={t.leaveGo}
            keep={t.leaveKeep}
            onGo={() => {
              uploads.stop()
              onClose()
            }}
          />
        </div>
      )}
    </Dialog>
  )
}

/** Reasons why files were rejected, each with its files. */
function RejectedFiles({ items }: { items: UploadItem[] }) {
  const reasons = new Map<string, string[]>()
  for (const item of items) {
    if (item.outcome !== "refused" && item.outcome !== "failed") continue
    const reason = item.detail ?? t[item.outcome]
    reasons.set(reason, [...(reasons.get(reason) ?? []), item.path])
  }
  if (reasons.size === 0) return null
  return (
    <ul className="upload-reasons" data-testid="upload-reasons">
      {[...reasons].map(([reason, names]) => (
        <li key={reason}>
          <strong>{t.because(names.length)}</strong> {reason}
          <p className="small soft">{t.names(names.slice(0, 5), names.length)}</p>
        </li>
      ))}
    </ul>
  )
}

/** Files of folders that are not uploaded. */
function SkippedFiles({ paths, hidden }: { paths: string[]; hidden: number }) {
  if (paths.length + hidden === 0) return null
  return (
    <div className="upload-reasons" data-testid="upload-left-out">
      {paths.length > 0 && (
        <details>
          <summary>
            {t.leftOut(paths.length)}{" "}
            <span className="small soft">{t.names(paths.slice(0, 5), paths.length)}</span>
          </summary>
          <ul className="small">
            {paths.map((path) => (
              <li key={path}>{path}</li>
            ))}
          </ul>
        </details>
      )}
      {hidden > 0 && <p className="small soft">{t.hidden(hidden)}</p>}
    </div>
  )
}

function FileList({ items, project }: { items: UploadItem[]; project: number }) {
  const shown = useMemo(() => items.slice(0, MAX_SHOWN), [items])
  const first =
    items.length > MAX_SHOWN ? items.filter((item) => LISTED_FIRST.includes(item.outcome)) : []
  const listed = first.length ? [...new Set([...first, ...shown])].slice(0, MAX_SHOWN) : shown
  return (
    <ul className="upload-list" data-testid="upload-list">
      {listed.map((item, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
        <li key={at}>
          <span title={item.path}>
            {item.path} <span className="faint">{formatBytes(item.file.size)}</span>
          </span>
          <div className="bar">
            <span className="bar-done" style={{ width: `${item.fraction * 100}%` }} />
          </div>
          {item.outcome === "duplicate" && item.image && !item.detail ? (
            <a href={paths.image(project, item.image)} target="_blank" rel="noreferrer">
              {t.duplicate}
            </a>
          ) : (
            <span className={["refused", "failed"].includes(item.outcome) ? "red" : "soft"}>
              {t[item.outcome]}
            </span>
          )}
          {item.outcome === "duplicate" && item.detail && (
            <p className="small soft">{item.detail}</p>
          )}
        </li>
      ))}
      {items.length > listed.length && (
        <li>
          <span className="faint">{t.more(items.length - listed.length)}</span>
        </li>
      )}
    </ul>
  )
}
