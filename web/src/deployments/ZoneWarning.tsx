/**
 * A warning that camera times were read as UTC because no time zone was set, with a button to set
 * one.
 */
import { useMutation, useQueryClient } from "@tanstack/react-query"
import { TriangleAlert } from "lucide-react"
import { api, unwrap } from "../api/client"
import type { Deployment } from "../api/types"
import { paths } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { Button, LinkButton } from "../ui/Button"
import { showToast } from "../ui/Toasts"
import { zoneTexts as t } from "./en"
import { isExact } from "./locationPrecision"

export function ZoneWarning({
  deployment,
  inForm,
  onDone,
}: {
  deployment: Deployment
  inForm?: boolean
  onDone?: (stored: Deployment) => void
}) {
  const project = useProject()
  const client = useQueryClient()
  const set = useMutation({
    mutationFn: (body: { time_zone: string; redate_images: boolean }) =>
      unwrap(
        api.PATCH("/api/v2/deployments/{deployment_id}", {
          params: { path: { deployment_id: deployment.id } },
          body,
        }),
      ),
    onSuccess: (stored, { redate_images }) => {
      showToast(redate_images ? t.corrected(stored.time_zone) : t.kept)
      void client.invalidateQueries({ queryKey: ["deployment", project.id] })
      void client.invalidateQueries({ queryKey: ["image", project.id] })
      onDone?.(stored)
    },
  })
  if (!deployment.utc_assumed) return null
  const zone = deployment.suggested_time_zone
  return (
    <div className="error-box zone-warning" role="status" data-testid="zone-warning">
      <TriangleAlert size={18} aria-hidden />
      <div>
        <p>{t.assumed}</p>
        {!zone && (
          <p className="soft">
            {inForm ? t.chooseBelow : isExact(deployment) ? t.choose : t.chooseZone}
          </p>
        )}
        {canManage(project) && (
          <div className="actions">
            {zone ? (
              <Button
                small
                kind="accent"
                busy={set.isPending}
                onClick={() => set.mutate({ time_zone: zone, redate_images: true })}
              >
                {t.correct(zone)}
              </Button>
            ) : (
              !inForm && (
                <LinkButton small kind="accent" href={paths.deployment(project.id, deployment.id)}>
                  {t.setZone}
                </LinkButton>
              )
            )}
            <Button
              small
              kind="quiet"
              busy={set.isPending}
              onClick={() => set.mutate({ time_zone: "UTC", redate_images: false })}
            >
              {t.keep}
            </Button>
          </div>
        )}
      </div>
    </div>
  )
}
