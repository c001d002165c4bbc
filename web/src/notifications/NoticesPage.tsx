/** The user's e-mail alerts of this project. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Mail, Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Notice } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { settingsTexts } from "../projects/en"
import { useProject } from "../projects/projectContext"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { CopyField } from "../ui/CopyField"
import { EmptyState, SkeletonRows } from "../ui/feedback"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { noticeTexts } from "./en"
import { NoticeForm } from "./NoticeForm"
import { noticesQuery } from "./queries"

export function NoticesPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery({
    ...noticesQuery(project.id),
    refetchInterval: 30_000,
  })
  const [adding, setAdding] = useState(false)
  const t = noticeTexts
  const test = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v2/notification-subscriptions/test")),
    onSuccess: (done) =>
      showToast(done.sent ? t.arrived(done.address) : t.notArrived(done.error ?? "")),
  })
  useEffect(() => {
    document.title = `${t.title} · ${project.name}`
  }, [project.name])
  const add = (
    <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  const none = data?.results.length === 0
  return (
    <div className="narrow">
      <div className="page-head">
        <h1>{settingsTexts.title}</h1>
      </div>
      <SettingsTabs part="notices" />
      <section aria-label={t.title}>
        {error && <ErrorMessage error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows />}
        {data && !data.can_be_sent && (
          <div className="note form">
            <p>{t.notSetUp}</p>
            <CopyField text={t.setUp} />
            <p>{t.setUpMore}</p>
          </div>
        )}
        {none && (
          <EmptyState title={t.noneTitle} text={t.none}>
            {data.can_be_sent && add}
          </EmptyState>
        )}
        {data && !none && (
          <>
            {data.can_be_sent && (
              <div className="list-head">
                <p className="soft">{t.text(data.address ?? "")}</p>
                <div className="actions">
                  <Button
                    icon={<Mail size={15} aria-hidden />}
                    busy={test.isPending}
                    onClick={() => test.mutate()}
                  >
                    {t.test}
                  </Button>
                  {add}
                </div>
              </div>
            )}
            <NoticeTable notices={data.results} />
          </>
        )}
      </section>
      {adding && <NoticeForm onClose={() => setAdding(false)} />}
    </div>
  )
}

function NoticeTable({ notices }: { notices: Notice[] }) {
  const project = useProject()
  const client = useQueryClient()
  const t = noticeTexts
  const end = useMutation({
    mutationFn: (notice: Notice) =>
      unwrap(
        api.DELETE("/api/v2/notification-subscriptions/{notice_id}", {
          params: { path: { notice_id: notice.id } },
        }),
      ),
    onSuccess: () => showToast(t.ended),
    onSettled: () => client.invalidateQueries({ queryKey: noticesQuery(project.id).queryKey }),
  })
  return (
    <div className="table-scroll">
      <table className="table stacked-table">
        <thead>
          <tr>
            <th>{t.what}</th>
            <th>{t.last}</th>
            <th>
              <span className="visually-hidden">{t.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {notices.map((one) => (
            <tr key={one.id} data-notice={one.kind}>
              <td>
                <div className="name">{t.kinds[one.kind]}</div>
                <div className="small faint">{t.details(one)}</div>
              </td>
              <td data-label={t.last}>
                {one.last_sent_at ? (
                  <Timestamp at={one.last_sent_at} />
                ) : (
                  <span className="faint">{t.never}</span>
                )}
                {one.last_error && <div className="small red">{t.notSent(one.last_error)}</div>}
              </td>
              <td className="number">
                <Button
                  small
                  kind="quiet"
                  busy={end.isPending && end.variables.id === one.id}
                  aria-label={t.endNotice(t.kinds[one.kind])}
                  onClick={() => end.mutate(one)}
                >
                  {t.end}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
