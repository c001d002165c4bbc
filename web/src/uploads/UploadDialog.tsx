/** Uploads files and folders to a deployment, each file with its progress and its outcome, and sums up at the end. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { type DragEvent, useCallback, useMemo, useRef, useState } from "react"
import { type Chosen, chosenFiles, readChosenFolder, readDropped } from "./dropped"
import { sayProblem } from "../api/problems"
import { askDeployments } from "../api/queries"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Confirm, Dialog } from "../ui/Dialog"
import { SelectField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { bytes } from "../ui/time"
import { words } from "../en"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { useProject } from "../projects/project"
import { type Item, type Outcome, useUploads } from "./uploads"

const w = words.upload
/** A list of more is not read; those that went wrong come first. */
const SHOWN = 200
const FIRST: Outcome[] = ["sending", "failed", "refused"]

function say(error: unknown): string {
  const said = sayProblem(error)
  return `${said.what} ${said.todo}`.trim()
}

export function UploadDialog({ initial, onClose }: { initial: Chosen; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [chosen, setChosen] = useState("")
  const [making, setMaking] = useState(false)
  const [leaving, setLeaving] = useState(false)
  const onDone = useCallback(() => {
    for (const key of ["image", "deployment", "project"]) void client.invalidateQueries({ queryKey: [key] })
  }, [client])
  const uploads = useUploads(initial.files, say, onDone)
  const { items, busy } = uploads
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(() => new Set(initial.leftOut))
  const [hidden, setHidden] = useState(initial.hidden)
  const add = (chosen: Chosen) => {
    uploads.add(chosen.files)
    setLeftOut((old) => new Set([...old, ...chosen.leftOut]))
    setHidden((old) => old + chosen.hidden)
  }
  const picker = useRef<HTMLInputElement>(null)
  const folderPicker = useRef<HTMLInputElement>(null)
  const deployment = chosen || deployments?.results[0]?.id || ""

  const count = (outcome: Outcome) => items.filter((item) => item.outcome === outcome).length
  const waiting = count("waiting")
  const failed = count("failed")
  const done = items.length - waiting - count("sending")
  const close = () => (busy ? setLeaving(true) : onClose())
  // The screen behind takes drops, too.
  const onDrag = (event: DragEvent) => {
    event.preventDefault()
    event.stopPropagation()
  }
  const onDrop = (event: DragEvent) => {
    onDrag(event)
    void readDropped(event.dataTransfer).then(add)
  }
  const send = () => void uploads.send({ project: project.id, deployment })
  const noDeployment = deployments?.results.length === 0

  return (
    <Dialog open onClose={close} title={making || noDeployment ? w.newDeployment : w.title} wide>
      {making || noDeployment ? (
        <>
          {noDeployment && <p className="soft" style={{ marginBottom: 16 }}>{w.needDeployment}</p>}
          <DeploymentForm
            onDone={(made) => { if (made) setChosen(made.id); setMaking(false); if (!made && noDeployment) close() }}
          />
        </>
      ) : (
        <div className="form" data-testid="upload" onDragEnter={onDrag} onDragOver={onDrag} onDrop={onDrop}>
          <SelectField label={w.deployment} value={deployment} disabled={busy} onChange={(event) => (event.target.value === "new" ? setMaking(true) : setChosen(event.target.value))}>
            {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
            <option value="new">{words.source.newDeployment}</option>
          </SelectField>
          {!busy && done === 0 && (
            <div className="drop-area">
              <div className="actions">
                <Button onClick={() => picker.current?.click()}>{w.choose}</Button>
                <Button onClick={() => folderPicker.current?.click()}>{w.chooseFolder}</Button>
              </div>
              <span>{w.drop}</span>
            </div>
          )}
          <input
            ref={picker} type="file" multiple accept="image/*,.heic,.heif" hidden data-testid="files"
            onChange={(event) => { add(chosenFiles(event.target.files ?? [])); event.target.value = "" }}
          />
          <input
            ref={(element) => { element?.setAttribute("webkitdirectory", ""); folderPicker.current = element }} type="file" hidden data-testid="folder"
            onChange={(event) => { add(readChosenFolder(event.target.files ?? [])); event.target.value = "" }}
          />
          {(busy || done > 0) && (
            <div className="bar" role="progressbar" aria-label={w.title} aria-valuenow={Math.round(uploads.fraction * 100)}>
              <span className="bar-done" style={{ width: `${uploads.fraction * 100}%` }} />
            </div>
          )}
          {uploads.trouble !== null && <Trouble error={uploads.trouble} />}
          {(busy || done > 0) && (
            <p role="status">
              {busy ? w.progress(done, items.length) : w.result(count("imported"), count("duplicate"), count("refused") + failed)}
              {!busy && waiting > 0 && ` ${w.left(waiting)}`}
            </p>
          )}
          {!busy && <Refusals items={items} />}
          <LeftOut paths={[...leftOut]} hidden={hidden} />
          {items.length > 0 && <Files items={items} project={project.id} />}
          <div className="dialog-actions">
            {!busy && failed > 0 && waiting === 0 && <Button onClick={send}>{w.retry}</Button>}
            {busy && <Button onClick={uploads.stop}>{w.stop}</Button>}
            {waiting > 0 && !busy && <Button kind="accent" disabled={!deployment} onClick={send}>{w.go(waiting + failed)}</Button>}
            {waiting === 0 && <Button kind={busy ? "plain" : "accent"} onClick={close}>{words.common.close}</Button>}
          </div>
          <Confirm
            open={leaving && busy} onClose={() => setLeaving(false)} title={w.leaveTitle} text={w.leaveText}
            go={w.leaveGo} keep={w.leaveKeep} onGo={() => { uploads.stop(); onClose() }}
          />
        </div>
      )}
    </Dialog>
  )
}

/** Why files could not be taken, each reason once with the files that it is about. */
function Refusals({ items }: { items: Item[] }) {
  const reasons = new Map<string, string[]>()
  for (const item of items) {
    if (item.outcome !== "refused" && item.outcome !== "failed") continue
    const reason = item.detail ?? w[item.outcome]
    reasons.set(reason, [...(reasons.get(reason) ?? []), item.path])
  }
  if (reasons.size === 0) return null
  return (
    <ul className="upload-reasons" data-testid="upload-reasons">
      {[...reasons].map(([reason, names]) => (
        <li key={reason}>
          <strong>{w.because(names.length)}</strong> {reason}
          <p className="small soft">{w.names(names.slice(0, 5), names.length)}</p>
        </li>
      ))}
    </ul>
  )
}

/** The files of folders that are not sent. */
function LeftOut({ paths, hidden }: { paths: string[]; hidden: number }) {
  if (paths.length + hidden === 0) return null
  return (
    <div className="upload-reasons" data-testid="upload-left-out">
      {paths.length > 0 && (
        <details>
          <summary>{w.leftOut(paths.length)} <span className="small soft">{w.names(paths.slice(0, 5), paths.length)}</span></summary>
          <ul className="small">{paths.map((path) => <li key={path}>{path}</li>)}</ul>
        </details>
      )}
      {hidden > 0 && <p className="small soft">{w.hidden(hidden)}</p>}
    </div>
  )
}

function Files({ items, project }: { items: Item[]; project: number }) {
  const shown = useMemo(() => items.slice(0, SHOWN), [items])
  const first = items.length > SHOWN ? items.filter((item) => FIRST.includes(item.outcome)) : []
  const listed = first.length ? [...new Set([...first, ...shown])].slice(0, SHOWN) : shown
  return (
    <ul className="upload-list" data-testid="upload-list">
      {listed.map((item, at) => (
        <li key={at}>
          <span title={item.path}>{item.path} <span className="faint">{bytes(item.file.size)}</span></span>
          <div className="bar"><span className="bar-done" style={{ width: `${item.fraction * 100}%` }} /></div>
          {item.outcome === "duplicate" && item.image && !item.detail ? (
            <a href={paths.image(project, item.image)} target="_blank" rel="noreferrer">{w.duplicate}</a>
          ) : (
            <span className={["refused", "failed"].includes(item.outcome) ? "red" : "soft"}>{w[item.outcome]}</span>
          )}
          {item.outcome === "duplicate" && item.detail && <p className="small soft">{item.detail}</p>}
        </li>
      ))}
      {items.length > listed.length && <li><span className="faint">{w.more(items.length - listed.length)}</span></li>}
    </ul>
  )
}
