/** Makes a project public, or private again, and says what that means before. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { answer, api } from "../api/client"
import { askProject, askProjects } from "../api/queries"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { Trouble } from "../ui/Notice"
import "../public/public.css"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { publicWords as w } from "../public/en"
import { useProject } from "./project"

export function PublicSwitch() {
  const project = useProject()
  const client = useQueryClient()
  const [asking, setAsking] = useState(false)
  const isPublic = project.public ?? false
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () => answer(api.PATCH("/api/v2/projects/{project_id}", { params: { path: { project_id: project.id } }, body: { public: !isPublic } })),
    onSuccess: (changed) => {
      setAsking(false)
      client.setQueryData(askProject(project.id).queryKey, changed)
      client.removeQueries({ queryKey: ["public", project.id] })
      void client.invalidateQueries({ queryKey: askProjects.queryKey, exact: true })
      toast(changed.public ? w.made : w.unmade)
    },
  })
  const preview = useQuery({
    queryKey: ["public-preview", project.id],
    queryFn: () => answer(api.GET("/api/v2/projects/{project_id}/public_preview", { params: { path: { project_id: project.id } } })),
  }).data
  const go = isPublic ? w.unmake : w.make
  return (
    <section className="section">
      <h2 style={{ marginBottom: 12 }}>{w.title}</h2>
      <div className="form" style={{ maxWidth: 720 }}>
        <p className="soft" data-testid="publicity">{isPublic ? w.isPublic : w.private}</p>
        {preview && <p className="soft" data-testid="public-preview">{w.shown(words.images(preview.shown), words.images(preview.hidden), preview.images_is_estimate)}</p>}
        {preview && preview.unknown_classes.length > 0 && <p className="soft">{w.unknown(preview.unknown_classes.map((one) => `${one.class_name} (${words.count(one.images)})`).join(", "))}</p>}
        <div className="actions">
          <Button onClick={() => setAsking(true)}>{go}</Button>
          {isPublic && <a className="button button-quiet" href={paths.publicProject(project.id)} target="_blank" rel="noreferrer">{w.look}</a>}
        </div>
      </div>
      {asking && (
        <Dialog open onClose={() => setAsking(false)} title={isPublic ? w.askBack : w.ask}>
          {isPublic ? <p className="soft">{w.askBackText}</p> : (
            <>
              <div className="public-lists">
                <div><h3>{w.seenTitle}</h3><ul>{w.seen.map((one) => <li key={one}>{one}</li>)}</ul></div>
                <div><h3>{w.withheldTitle}</h3><ul>{w.withheld.map((one) => <li key={one}>{one}</li>)}</ul></div>
              </div>
              <p>{w.care}</p>
            </>
          )}
          {store.error && <Trouble error={store.error} />}
          <div className="dialog-actions">
            <Button onClick={() => setAsking(false)}>{words.common.cancel}</Button>
            <Button kind="accent" busy={store.isPending} onClick={() => store.mutate()}>{go}</Button>
          </div>
        </Dialog>
      )}
    </section>
  )
}
