/** Uploads files to a deployment, three at a time, each with its progress and its outcome. */
import { useQuery, useQueryClient } from "@tanstack/react-query"
import { type DragEvent, useRef, useState } from "react"
import { sayProblem } from "../api/problems"
import { askDeployments } from "../api/queries"
import { uploadFile } from "../api/upload"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField } from "../ui/Field"
import { bytes } from "../ui/time"
import { words } from "../words/en"
import { DeploymentForm } from "./DeploymentForm"
import { useProject } from "./project"

interface Item {
  file: File
  fraction: number
  outcome: "waiting" | "sending" | "imported" | "duplicate" | "refused" | "failed"
  detail: string | null
}

const AT_ONCE = 3
const asItem = (file: File): Item => ({ file, fraction: 0, outcome: "waiting", detail: null })

export function UploadDialog({ initial, onClose }: { initial: File[]; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const { data: deployments } = useQuery(askDeployments(project.id))
  const [chosen, setChosen] = useState("")
  const [making, setMaking] = useState(false)
  const [items, setItems] = useState<Item[]>(() => initial.map(asItem))
  const [busy, setBusy] = useState(false)
  const stopped = useRef(false)
  const picker = useRef<HTMLInputElement>(null)
  const w = words.upload
  const deployment = chosen || deployments?.results[0]?.id || ""

  const change = (file: File, to: Partial<Item>) =>
    setItems((old) => old.map((item) => (item.file === file ? { ...item, ...to } : item)))
  const add = (files: Iterable<File>) => setItems((old) => [...old, ...[...files].map(asItem)])

  const send = async (from: Item[]) => {
    setBusy(true)
    stopped.current = false
    const queue = from.map((item) => item.file)
    const one = async () => {
      for (let file = queue.shift(); file && !stopped.current; file = queue.shift()) {
        const current = file
        change(current, { outcome: "sending", fraction: 0, detail: null })
        try {
          const upload = await uploadFile(current, { project: project.id, deployment }, (fraction) => change(current, { fraction }))
          const result = upload.files[0]
          change(current, { outcome: (result?.outcome ?? "imported") as Item["outcome"], detail: result?.detail ?? null, fraction: 1 })
        } catch (error) {
          const said = sayProblem(error)
          change(current, { outcome: "failed", detail: `${said.what} ${said.todo}`.trim() })
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    setBusy(false)
    for (const key of ["image", "deployment", "project"]) void client.invalidateQueries({ queryKey: [key] })
  }

  const count = (outcome: Item["outcome"]) => items.filter((item) => item.outcome === outcome).length
  const waiting = items.filter((item) => item.outcome === "waiting")
  const failed = items.filter((item) => item.outcome === "failed")
  const done = items.length - waiting.length - count("sending")
  const close = () => {
    stopped.current = true
    onClose()
  }
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    add(event.dataTransfer.files)
  }
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
        <div className="form">
          <SelectField label={w.deployment} value={deployment} disabled={busy} onChange={(event) => (event.target.value === "new" ? setMaking(true) : setChosen(event.target.value))}>
            {deployments?.results.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
            <option value="new">{words.source.newDeployment}</option>
          </SelectField>
          {items.length === 0 || (!busy && done === 0) ? (
            <div className="drop-area" onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
              <Button onClick={() => picker.current?.click()}>{w.choose}</Button>
              <span>{w.drop}</span>
            </div>
          ) : null}
          <input
            ref={picker} type="file" multiple accept="image/*,.heic,.heif" hidden data-testid="files"
            onChange={(event) => { add(event.target.files ?? []); event.target.value = "" }}
          />
          {items.length > 0 && (
            <ul className="upload-list" data-testid="upload-list">
              {items.map((item, at) => (
                <li key={at}>
                  <span title={item.file.name}>{item.file.name} <span className="faint">{bytes(item.file.size)}</span></span>
                  <div className="bar"><span className="bar-done" style={{ width: `${item.fraction * 100}%` }} /></div>
                  <span className={["refused", "failed"].includes(item.outcome) ? "red" : "soft"}>{w[item.outcome]}</span>
                  {item.detail && <p className="small soft">{item.detail}</p>}
                </li>
              ))}
            </ul>
          )}
          {done > 0 && (
            <p role="status">
              {busy ? w.progress(done, items.length) : w.result(count("imported"), count("duplicate"), count("refused") + count("failed"))}
            </p>
          )}
          <div className="dialog-actions">
            {!busy && failed.length > 0 && <Button onClick={() => void send(failed)}>{w.retry}</Button>}
            {busy && <Button onClick={() => (stopped.current = true)}>{w.stop}</Button>}
            {waiting.length > 0 && !busy && <Button kind="accent" disabled={!deployment} onClick={() => void send(waiting)}>{w.go(waiting.length)}</Button>}
            {waiting.length === 0 && <Button kind={busy ? "plain" : "accent"} onClick={close}>{words.common.close}</Button>}
          </div>
        </div>
      )}
    </Dialog>
  )
}
