/** Makes a project public or private, after describing the consequences. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { api, unwrap } from "../api/client"
import { paths } from "../paths"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import "./publicAccess.css"
import { ErrorMessage } from "../errors/ErrorMessage"
import { formatCount, uiTexts } from "../ui/en"
import { showToast } from "../ui/Toasts"
import { publicAccessTexts as t } from "./en"
import { useProject } from "./projectContext"
import { projectQuery, projectsQuery } from "./queries"

export function PublicAccessToggle() {
  const project = useProject()
  const client = useQueryClient()
  const [asking, setAsking] = useState(false)
  const isPublic = project.public ?? false
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}", {
          params: { path: { project_id: project.id } },
          body: { public: !isPublic },
        }),
      ),
    onSuccess: (changed) => {
      setAsking(false)
      client.setQueryData(projectQuery(project.id).queryKey, changed)
      client.removeQueries({ queryKey: ["public", project.id] })
      void client.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true })
      showToast(changed.public ? t.made : t.unmade)
    },
  })
  const preview = useQuery({
    queryKey: ["public-preview", project.id],
    queryFn: () =>
      unwrap(
        api.GET("/api/v2/projects/{project_id}/public_preview", {
          params: { path: { project_id: project.id } },
        }),
      ),
  }).data
  const go = isPublic ? t.unmake : t.makePublic
  return (
    <section className="section">
      <h2 style={{ marginBottom: 12 }}>{t.title}</h2>
      <div className="form" style={{ maxWidth: 720 }}>
        <p className="soft" data-testid="publicity">
          {isPublic ? t.isPublic : t.private}
        </p>
        {preview && (
          <p className="soft" data-testid="public-preview">
            {t.shown(t.images(preview.shown), t.images(preview.hidden), preview.images_is_estimate)}
          </p>
        )}
        {preview && preview.unknown_classes.length > 0 && (
          <p className="soft">
            {t.unknown(
              preview.unknown_classes
                .map((one) => `${one.class_name} (${formatCount(one.images)})`)
                .join(", "),
            )}
          </p>
        )}
        <div className="actions">
          <Button onClick={() => setAsking(true)}>{go}</Button>
          {isPublic && (
            <a
              className="button button-quiet"
              href={paths.publicProject(project.id)}
              target="_blank"
              rel="noreferrer"
            >
              {t.look}
            </a>
          )}
        </div>
      </div>
      {asking && (
        <Dialog open onClose={() => setAsking(false)} title={isPublic ? t.askBack : t.ask}>
          {isPublic ? (
            <p className="soft">{t.askBackText}</p>
          ) : (
            <>
              <div className="public-lists">
                <div>
                  <h3>{t.seenTitle}</h3>
                  <ul>
                    {t.seen.map((one) => (
                      <li key={one}>{one}</li>
                    ))}
                  </ul>
                </div>
                <div>
                  <h3>{t.withheldTitle}</h3>
                  <ul>
                    {t.withheld.map((one) => (
                      <li key={one}>{one}</li>
                    ))}
                  </ul>
                </div>
              </div>
              <p>{t.care}</p>
            </>
          )}
          {store.error && <ErrorMessage error={store.error} />}
          <div className="dialog-actions">
            <Button onClick={() => setAsking(false)}>{uiTexts.cancel}</Button>
            <Button kind="accent" busy={store.isPending} onClick={() => store.mutate()}>
              {go}
            </Button>
          </div>
        </Dialog>
      )}
    </section>
  )
}
