/** Notices: what the caller wants to be written to about in this project, by e-mail. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Mail, Plus } from "lucide-react"
import { useEffect, useState } from "react"
import { answer, api } from "../api/client"
import { askNotices } from "../api/queries"
import type { Notice } from "../api/types"
import { NoticeForm } from "./NoticeForm"
import { useProject } from "../projects/project"
import { SettingsTabs } from "../projects/SettingsTabs"
import { Button } from "../ui/Button"
import { Copyable } from "../ui/Copyable"
import { Empty, SkeletonRows, Trouble } from "../ui/Notice"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { noticeWords } from "./en"

export function NoticesPage() {
  const project = useProject()
  const { data, error, refetch } = useQuery({ ...askNotices(project.id), refetchInterval: 30_000 })
  const [adding, setAdding] = useState(false)
  const w = noticeWords
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/v2/notices/test")),
    onSuccess: (done) => toast(done.is_sent ? w.arrived(done.address) : w.notArrived(done.error ?? "")),
  })
  useEffect(() => {
    document.title = `${w.title} · ${project.name}`
  }, [w, project.name])
  const add = <Button kind="accent" icon={<Plus size={15} aria-hidden />} onClick={() => setAdding(true)}>{w.add}</Button>
  const none = data?.results.length === 0
  return (
    <div className="narrow">
      <div className="page-head"><h1>{words.settings.title}</h1></div>
      <SettingsTabs part="notices" />
      <section aria-label={w.title}>
        {error && <Trouble error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows />}
        {data && !data.can_be_sent && (
          <div className="note form">
            <p>{w.notSetUp}</p>
            <Copyable text={w.setUp} />
            <p>{w.setUpMore}</p>
          </div>
        )}
        {none && <Empty title={w.noneTitle} text={w.none}>{data.can_be_sent && add}</Empty>}
        {data && !none && (
          <>
            {data.can_be_sent && (
              <div className="keys-head">
                <p className="soft">{w.text(data.address ?? "")}</p>
                <div className="actions">
                  <Button icon={<Mail size={15} aria-hidden />} busy={test.isPending} onClick={() => test.mutate()}>{w.test}</Button>
                  {add}
                </div>
              </div>
            )}
            <Table notices={data.results} />
          </>
        )}
      </section>
      {adding && <NoticeForm onClose={() => setAdding(false)} />}
    </div>
  )
}

function Table({ notices }: { notices: Notice[] }) {
  const project = useProject()
  const client = useQueryClient()
  const w = noticeWords
  const end = useMutation({
    mutationFn: (notice: Notice) => answer(api.DELETE("/api/v2/notices/{notice_id}", { params: { path: { notice_id: notice.id } } })),
    onSuccess: () => toast(w.ended),
    onSettled: () => client.invalidateQueries({ queryKey: askNotices(project.id).queryKey }),
  })
  return (
    <div className="table-scroll">
      <table className="table keys-table">
        <thead><tr><th>{w.what}</th><th>{w.last}</th><th><span className="visually-hidden">{w.actions}</span></th></tr></thead>
        <tbody>
          {notices.map((one) => (
            <tr key={one.id} data-notice={one.kind}>
              <td><div className="name">{w.kinds[one.kind]}</div><div className="small faint">{w.details(one)}</div></td>
              <td data-label={w.last}>
                {one.last_sent_at ? <When at={one.last_sent_at} /> : <span className="faint">{w.never}</span>}
                {one.last_error && <div className="small red">{w.notSent(one.last_error)}</div>}
              </td>
              <td className="number">
                <Button small kind="quiet" busy={end.isPending && end.variables.id === one.id} aria-label={w.endNotice(w.kinds[one.kind])} onClick={() => end.mutate(one)}>{w.end}</Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
