/**
 * The result of a source's test: a summary, the files that a run would import, and details of those
 * that were downloaded.
 */
import type { SourceTest } from "../api/types"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { formatBytes, formatExact } from "../ui/time"
import { sourceTexts } from "./en"
import { HealthTag, isUnhealthy } from "./statusTags"

const MAX_SHOWN = 6
const PUBLIC_KEY =
  /(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[\w-]+@openssh\.com) [A-Za-z0-9+/]+={0,2}/

const FINGERPRINT = /SHA256:[A-Za-z0-9+/]+/

interface ResultProps {
  test: SourceTest
  /** The time zone of the times shown. */
  zone?: string
  /** Called with the server's host key if none is stored yet and the user accepts it. */
  onHostKey?: (key: string) => void
}

export function SourceTestResult({ test, zone, onHostKey }: ResultProps) {
  const t = sourceTexts
  const hostKey = test.ok || !onHostKey ? undefined : PUBLIC_KEY.exec(test.detail)?.[0]
  const isGood = test.ok && !isUnhealthy(test.health)
  const shown = test.files.slice(0, MAX_SHOWN)
  return (
    <div
      className={isGood ? "note note-good source-test" : "note source-test"}
      role="status"
      data-testid="test-result"
    >
      <p>
        <b>{isGood ? t.testOk : t.testNot}</b>{" "}
        {!["ok", "failing"].includes(test.health) && (
          <>
            <HealthTag health={test.health} />{" "}
          </>
        )}
        {hostKey ? t.hostKeyUnknown : test.detail}
      </p>
      {hostKey && onHostKey && (
        <div className="host-key">
          <p className="soft small">{t.hostKeyShown}</p>
          <code>{hostKey}</code>
          <code>{FINGERPRINT.exec(test.detail)?.[0]}</code>
          <div>
            <Button small kind="accent" onClick={() => onHostKey(hostKey)}>
              {t.hostKeyTake}
            </Button>
          </div>
        </div>
      )}
      {shown.length > 0 && (
        <ul className="test-files">
          {shown.map((file) => (
            <li key={file.path}>
              <span>{file.path}</span>
              {file.detail ? (
                <span className="red">{file.detail}</span>
              ) : (
                <span className="soft">
                  {[
                    file.size !== null ? formatBytes(file.size) : "",
                    file.width && file.height ? `${file.width} × ${file.height}` : "",
                    file.captured_at
                      ? `${formatExact(file.captured_at, zone)} (${t.timeSources[file.captured_at_source ?? ""] ?? uiTexts.unknown})`
                      : "",
                    file.fetched ? "" : t.notFetched,
                  ]
                    .filter(Boolean)
                    .join(", ")}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      <p className="soft small">
        {test.new > shown.length && shown.length > 0
          ? `${t.moreFiles(test.new - shown.length)}. `
          : ""}
        {t.nothingKept}
      </p>
    </div>
  )
}
