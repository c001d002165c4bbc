/** Takes a request that was refused, and says which part of its signature is wrong, to the byte. */
import { useMutation } from "@tanstack/react-query"
import { CircleCheck, CircleDashed, CircleX } from "lucide-react"
import { type FormEvent, useRef, useState } from "react"
import { answer, api } from "../api/client"
import type { CheckedSignature, SignatureToCheck } from "../api/types"
import { Button } from "../ui/Button"
import { AreaField, TextField } from "../ui/Field"
import { Trouble } from "../ui/Notice"
import { words } from "../en"
import { headerOf, type PasteNote, readPasted } from "./pastedRequest"
import { isOwner, useProject } from "../projects/project"
import { SignedMessage } from "./SignedMessage"

const EMPTY = { method: "POST", target: "", keyId: "", timestamp: "", nonce: "", signature: "", body: "" }
type Request = typeof EMPTY

export function SignatureChecker() {
  const project = useProject()
  const w = words.integration
  if (!isOwner(project)) return <p className="soft">{w.onlyOwnersCheck}</p>
  return <Checker project={project.id} />
}

function Checker({ project }: { project: number }) {
  const [pasted, setPasted] = useState("")
  const [notes, setNotes] = useState<PasteNote[]>([])
  const [request, setRequest] = useState<Request>(EMPTY)
  const [signed, setSigned] = useState("")
  const result = useRef<HTMLElement>(null)
  const w = words.integration
  const check = useMutation({
    meta: { saysItself: true },
    mutationFn: (asked: SignatureToCheck) => answer(api.POST("/api/v2/callback_keys/check", { body: asked })),
    onSuccess: () => requestAnimationFrame(() => {
      result.current?.focus({ preventScroll: true })
      result.current?.scrollIntoView({ block: "start" })
    }),
  })
  const read = (text: string) => {
    setPasted(text)
    check.reset()
    const found = readPasted(text)
    setNotes(text.trim() ? found.notes : [])
    setRequest({
      method: found.method || EMPTY.method, target: found.target, body: found.body,
      keyId: headerOf(found, "x-ml-key-id"), timestamp: headerOf(found, "x-ml-timestamp"),
      nonce: headerOf(found, "x-ml-nonce"), signature: headerOf(found, "x-ml-signature"),
    })
  }
  const field = (key: keyof Request) => ({
    value: request[key], autoComplete: "off", spellCheck: false,
    onChange: (event: { target: { value: string } }) => setRequest((old) => ({ ...old, [key]: event.target.value })),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    check.mutate({
      project, method: request.method.trim(), target: request.target.trim(), headers: headersOf(request), body: request.body, signed_message: signed || null,
    })
  }
  return (
    <div className="checker">
      <form className="form" onSubmit={submit}>
        <p className="soft">{w.checkerText}</p>
        <AreaField label={w.paste} hint={w.pasteHint} rows={9} spellCheck={false} placeholder={w.pasteExample} value={pasted} onChange={(event) => read(event.target.value)} />
        {notes.map((note) => <p key={note} className="note">{w.notes[note]}</p>)}
        <fieldset className="fieldset form">
          <legend>{w.byHand}</legend>
          <div className="checker-line">
            <TextField label={w.method} required pattern="[A-Za-z]{1,10}" {...field("method")} />
            <TextField label={w.target} required maxLength={2000} {...field("target")} />
          </div>
          <div className="form-row">
            <TextField label="X-ML-Timestamp" {...field("timestamp")} />
            <TextField label="X-ML-Key-Id" hint={w.onlyV2} {...field("keyId")} />
          </div>
          <TextField label="X-ML-Nonce" hint={w.onlyV2} {...field("nonce")} />
          <TextField label="X-ML-Signature" {...field("signature")} />
          <AreaField label={w.body} hint={w.bodyHint} rows={3} {...field("body")} />
        </fieldset>
        <AreaField label={`${w.signed} (${words.common.optional})`} hint={w.signedHint} rows={4} spellCheck={false} value={signed} onChange={(event) => setSigned(event.target.value)} />
        {check.error && <Trouble error={check.error} />}
        <div className="actions"><Button type="submit" kind="accent" busy={check.isPending}>{w.check}</Button></div>
      </form>
      <section className="checker-result" aria-live="polite" aria-label={w.result} ref={result} tabIndex={-1} data-testid="checked">
        {check.data && check.variables ? <Result checked={check.data} asked={check.variables} /> : <p className="soft checker-empty">{w.noResult}</p>}
      </section>
    </div>
  )
}

function headersOf(request: Request): Record<string, string> {
  const named = { "X-ML-Key-Id": request.keyId, "X-ML-Timestamp": request.timestamp, "X-ML-Nonce": request.nonce, "X-ML-Signature": request.signature }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== ""))
}

const PARTS = ["headers", "timestamp", "key", "signature"]

function Result({ checked, asked }: { checked: CheckedSignature; asked: SignatureToCheck }) {
  const w = words.integration
  const signed = asked.signed_message ?? ""
  const last = checked.parts.at(-1)
  const wrongSecret = signed !== "" && checked.first_difference === null && last?.part === "signature" && !last.holds
  return (
    <>
      <h2>{checked.holds ? w.holds : w.holdsNot}</h2>
      <ul className="checked-parts">
        {PARTS.map((name) => {
          const part = checked.parts.find((one) => one.part === name)
          const look = part === undefined ? "unseen" : part.holds ? "well" : "wrong"
          return (
            <li key={name} className={`checked-${look}`} data-part={name} data-look={look}>
              {look === "well" ? <CircleCheck size={18} aria-label={w.well} /> : look === "wrong" ? <CircleX size={18} aria-label={w.wrong} /> : <CircleDashed size={18} aria-hidden />}
              <div><b>{w.parts[name]}</b><p>{part ? `${part.words}.` : w.unseen}</p></div>
            </li>
          )
        })}
      </ul>
      {wrongSecret && <p className="note">{w.wrongSecret}</p>}
      {checked.expected_message != null && <SignedMessage expected={checked.expected_message} signed={signed} differsAt={checked.first_difference} version={asked.headers["X-ML-Signature"]?.includes("v2=") ? 2 : 1} />}
    </>
  )
}
