/** Checks a rejected request, and shows the first byte of the signed text that differs. */
import { useMutation } from "@tanstack/react-query"
import { CircleCheck, CircleDashed, CircleX } from "lucide-react"
import { type FormEvent, useRef, useState } from "react"
import { api, unwrap } from "../api/client"
import type { CheckedSignature, SignatureToCheck } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { isOwner, useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { AreaField, TextField } from "../ui/Field"
import { integrationTexts } from "./en"
import { getHeader, parseRequest, type RequestNote } from "./pastedRequest"
import { SignatureDiff } from "./SignatureDiff"
import "./external.css"

const EMPTY = {
  method: "POST",
  target: "",
  keyId: "",
  timestamp: "",
  nonce: "",
  signature: "",
  body: "",
}
type Request = typeof EMPTY

export function SignatureChecker() {
  const project = useProject()
  const t = integrationTexts
  if (!isOwner(project)) return <p className="soft">{t.onlyOwnersCheck}</p>
  return <SignatureForm project={project.id} />
}

function SignatureForm({ project }: { project: number }) {
  const [pasted, setPasted] = useState("")
  const [notes, setNotes] = useState<RequestNote[]>([])
  const [request, setRequest] = useState<Request>(EMPTY)
  const [signed, setSigned] = useState("")
  const result = useRef<HTMLElement>(null)
  const t = integrationTexts
  const check = useMutation({
    meta: { saysItself: true },
    mutationFn: (asked: SignatureToCheck) =>
      unwrap(api.POST("/api/v2/callback_keys/check", { body: asked })),
    onSuccess: () =>
      requestAnimationFrame(() => {
        result.current?.focus({ preventScroll: true })
        result.current?.scrollIntoView({ block: "start" })
      }),
  })
  const read = (text: string) => {
    setPasted(text)
    check.reset()
    const found = parseRequest(text)
    setNotes(text.trim() ? found.notes : [])
    setRequest({
      method: found.method || EMPTY.method,
      target: found.target,
      body: found.body,
      keyId: getHeader(found, "x-ml-key-id"),
      timestamp: getHeader(found, "x-ml-timestamp"),
      nonce: getHeader(found, "x-ml-nonce"),
      signature: getHeader(found, "x-ml-signature"),
    })
  }
  const field = (key: keyof Request) => ({
    value: request[key],
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { target: { value: string } }) =>
      setRequest((old) => ({ ...old, [key]: event.target.value })),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    check.mutate({
      project,
      method: request.method.trim(),
      target: request.target.trim(),
      headers: buildHeaders(request),
      body: request.body,
      signed_message: signed || null,
    })
  }
  return (
    <div className="checker">
      <form className="form" onSubmit={submit}>
        <p className="soft">{t.checkerText}</p>
        <AreaField
          label={t.paste}
          hint={t.pasteHint}
          rows={9}
          spellCheck={false}
          placeholder={t.pasteExample}
          value={pasted}
          onChange={(event) => read(event.target.value)}
        />
        {notes.map((note) => (
          <p key={note} className="note">
            {t.notes[note]}
          </p>
        ))}
        <fieldset className="fieldset form">
          <legend>{t.byHand}</legend>
          <div className="checker-line">
            <TextField label={t.method} required pattern="[A-Za-z]{1,10}" {...field("method")} />
            <TextField label={t.target} required maxLength={2000} {...field("target")} />
          </div>
          <div className="form-row">
            <TextField label="X-ML-Timestamp" {...field("timestamp")} />
            <TextField label="X-ML-Key-Id" hint={t.onlyV2} {...field("keyId")} />
          </div>
          <TextField label="X-ML-Nonce" hint={t.onlyV2} {...field("nonce")} />
          <TextField label="X-ML-Signature" {...field("signature")} />
          <AreaField label={t.body} hint={t.bodyHint} rows={3} {...field("body")} />
        </fieldset>
        <AreaField
          label={`${t.signed} (${uiTexts.optional})`}
          hint={t.signedHint}
          rows={4}
          spellCheck={false}
          value={signed}
          onChange={(event) => setSigned(event.target.value)}
        />
        {check.error && <ErrorMessage error={check.error} />}
        <div className="actions">
          <Button type="submit" kind="accent" busy={check.isPending}>
            {t.check}
          </Button>
        </div>
      </form>
      <section
        className="checker-result"
        aria-live="polite"
        aria-label={t.result}
        ref={result}
        tabIndex={-1}
        data-testid="checked"
      >
        {check.data && check.variables ? (
          <SignatureResult checked={check.data} asked={check.variables} />
        ) : (
          <p className="soft checker-empty">{t.noResult}</p>
        )}
      </section>
    </div>
  )
}

function buildHeaders(request: Request): Record<string, string> {
  const named = {
    "X-ML-Key-Id": request.keyId,
    "X-ML-Timestamp": request.timestamp,
    "X-ML-Nonce": request.nonce,
    "X-ML-Signature": request.signature,
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== ""))
}

const PARTS = ["headers", "timestamp", "key", "signature"]

function SignatureResult({
  checked,
  asked,
}: {
  checked: CheckedSignature
  asked: SignatureToCheck
}) {
  const t = integrationTexts
  const signed = asked.signed_message ?? ""
  const last = checked.parts.at(-1)
  const wrongSecret =
    signed !== "" &&
    checked.first_difference === null &&
    last?.component === "signature" &&
    !last.valid
  return (
    <>
      <h2>{checked.valid ? t.holds : t.holdsNot}</h2>
      <ul className="checked-parts">
        {PARTS.map((name) => {
          const part = checked.parts.find((one) => one.component === name)
          const look = part === undefined ? "unseen" : part.valid ? "well" : "wrong"
          return (
            <li key={name} className={`checked-${look}`} data-part={name} data-look={look}>
              {look === "well" ? (
                <CircleCheck size={18} aria-label={t.well} />
              ) : look === "wrong" ? (
                <CircleX size={18} aria-label={t.wrong} />
              ) : (
                <CircleDashed size={18} aria-hidden />
              )}
              <div>
                <b>{t.parts[name]}</b>
                <p>{part ? `${part.message}.` : t.unseen}</p>
              </div>
            </li>
          )
        })}
      </ul>
      {wrongSecret && <p className="note">{t.wrongSecret}</p>}
      {checked.expected_message != null && (
        <SignatureDiff
          expected={checked.expected_message}
          signed={signed}
          differsAt={checked.first_difference}
          version={asked.headers["X-ML-Signature"]?.includes("v2=") ? 2 : 1}
        />
      )}
    </>
  )
}
