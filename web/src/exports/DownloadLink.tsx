/**
 * The link that downloads an export. The server decides at each click whether the user may: a file
 * can show locations that the user's role no longer sees.
 */
import { useMutation } from "@tanstack/react-query"
import { Download } from "lucide-react"
import { type MouseEvent, useRef } from "react"
import { api, unwrap } from "../api/client"
import type { Export } from "../api/types"
import { Button } from "../ui/Button"
import { exportTexts as t } from "./en"

interface DownloadLinkProps {
  one: Export
  small?: boolean
  /** Called with the error if the server refuses the download. */
  onRefused: (error: unknown) => void
  isRefused: boolean
}

export function DownloadLink({ one, small, onRefused, isRefused }: DownloadLinkProps) {
  const link = useRef<HTMLAnchorElement>(null)
  const isAllowed = useRef(false)
  const check = useMutation({
    meta: { saysItself: true },
    // The first byte is enough: a download by the browser could not explain a refusal.
    mutationFn: () =>
      unwrap(
        api.GET("/api/v2/exports/{export_id}/download", {
          params: { path: { export_id: one.id } },
          headers: { Range: "bytes=0-0" },
          parseAs: "blob",
        }),
      ),
    onSuccess: () => {
      isAllowed.current = true
      link.current?.click()
    },
    onError: onRefused,
  })
  const icon = <Download size={small ? 14 : 15} aria-hidden />
  const label = small ? t.downloadOne(one.filename) : undefined
  if (isRefused)
    return (
      <Button small={small} icon={icon} disabled aria-label={label}>
        {t.download}
      </Button>
    )
  const onClick = (event: MouseEvent) => {
    if (isAllowed.current) {
      isAllowed.current = false
      return
    }
    event.preventDefault()
    if (!check.isPending) check.mutate()
  }
  return (
    <a
      ref={link}
      className={small ? "button button-plain button-small" : "button button-accent"}
      href={`/api/v2/exports/${one.id}/download`}
      download
      aria-label={label}
      aria-busy={check.isPending || undefined}
      onClick={onClick}
    >
      {icon}
      {t.download}
    </a>
  )
}
