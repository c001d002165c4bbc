/**
 * The first steps of a new installation, from the account to the first results. It disappears when
 * all are done.
 */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Check } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Link } from "wouter"
import { api, unwrap } from "../api/client"
import type { Deployment, Job, ProcessingService } from "../api/types"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField } from "../ui/Field"
import "./onboarding.css"
import { callerQuery } from "../api/session"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { deploymentTexts, formatDeployments } from "../deployments/en"
import { formatImages } from "../images/en"
import { settingsTexts } from "../projects/en"
import { useProject } from "../projects/projectContext"
import { projectQuery } from "../projects/queries"
import { formatStatusReason } from "../queue/en"
import { pipelinesQuery } from "../queue/queries"
import { showToast } from "../ui/Toasts"
import { Timestamp } from "../ui/time"
import { buildEmptySelection } from "../uploads/droppedFiles"
import { UploadDialog } from "../uploads/UploadDialog"
import { onboardingTexts as t } from "./en"

interface OnboardingStepsProps {
  deployments: Deployment[]
  images: number
  services: ProcessingService[]
  jobs: Job[]
  /** A job that is not finished. */
  waiting: Job | undefined
}

interface OnboardingStep {
  key: string
  title: string
  done: boolean
  /** The current state, which is also shown when the step is done. */
  said: ReactNode
  go?: ReactNode
}

export function OnboardingSteps({
  deployments,
  images,
  services,
  jobs,
  waiting,
}: OnboardingStepsProps) {
  const project = useProject()
  const { data: caller } = useQuery(callerQuery)
  const [open, setOpen] = useState<"deployment" | "upload" | "pipeline" | null>(null)
  // A new project has an unnamed deployment: it does not mean that the user has added one.
  const hasDeployment = deployments.some((one) => one.latitude !== null) || deployments.length > 1
  const online = services.some((service) => service.online)
  const lastSeen = services
    .map((service) => service.last_seen_at ?? "")
    .sort()
    .at(-1)
  const chosen = Boolean(project.automatic_pipeline) || jobs.length > 0 || waiting !== undefined
  const done = [true, true, hasDeployment, images > 0, online, false]
  const now = done.indexOf(false)
  const kind = (step: number) => (step === now ? "accent" : "plain")
  const steps: OnboardingStep[] = [
    { key: "account", title: t.account, done: true, said: caller?.email ?? "" },
    { key: "project", title: t.project, done: true, said: project.name },
    {
      key: "deployment",
      title: t.where,
      done: hasDeployment,
      said: hasDeployment ? formatDeployments(deployments.length) : t.whereText,
      go: (
        <Button kind={kind(2)} onClick={() => setOpen("deployment")}>
          {t.whereGo}
        </Button>
      ),
    },
    {
      key: "images",
      title: t.bring,
      done: images > 0,
      said: images > 0 ? formatImages(images) : t.bringText,
      go: (
        <>
          <LinkButton kind={kind(3)} href={paths.newSource(project.id)}>
            {t.bringGo}
          </LinkButton>
          <Button onClick={() => setOpen("upload")}>{t.bringUpload}</Button>
        </>
      ),
    },
    {
      key: "worker",
      title: t.worker,
      done: online,
      said: online ? (
        t.workerOnline
      ) : services.length > 0 ? (
        <>
          {t.workerAway} <Timestamp at={lastSeen || null} />.
        </>
      ) : (
        t.workerText
      ),
      go: (
        <LinkButton kind={kind(4)} href={paths.workers(project.id)}>
          {services.length > 0 ? t.workerLook : t.workerGo}
        </LinkButton>
      ),
    },
    {
      key: "results",
      title: t.results,
      done: false,
      said: waiting ? (
        <>
          {formatStatusReason(waiting.status_reason)}{" "}
          <Link href={paths.job(project.id, waiting.id)}>{t.resultsJob}</Link>
        </>
      ) : chosen ? (
        t.resultsWait
      ) : (
        t.resultsText
      ),
      go: !chosen && (
        <Button kind={kind(5)} onClick={() => setOpen("pipeline")}>
          {t.resultsGo}
        </Button>
      ),
    },
  ]
  return (
    <section className="onboarding" data-testid="first-steps" aria-labelledby="first-title">
      <div className="onboarding-head">
        <h2 id="first-title">{t.title}</h2>
        <p className="soft small">{t.progress(done.filter(Boolean).length, done.length)}</p>
      </div>
      <ol>
        {steps.map((step, at) => (
          <li
            key={step.key}
            className={step.done ? "onboarding-step onboarding-done" : "onboarding-step"}
            aria-current={at === now ? "step" : undefined}
          >
            <span className="onboarding-mark">
              {step.done ? <Check size={15} aria-label={t.done} /> : at + 1}
            </span>
            <h3>{step.title}</h3>
            <p>{step.said}</p>
            {!step.done && step.go && <div className="actions">{step.go}</div>}
          </li>
        ))}
      </ol>
      <Dialog
        open={open === "deployment"}
        onClose={() => setOpen(null)}
        title={deploymentTexts.add}
      >
        <DeploymentForm others={deployments} onDone={() => setOpen(null)} />
      </Dialog>
      {open === "upload" && (
        <UploadDialog initial={buildEmptySelection()} onClose={() => setOpen(null)} />
      )}
      <ChoosePipeline open={open === "pipeline"} onClose={() => setOpen(null)} />
    </section>
  )
}

function ChoosePipeline({ open, onClose }: { open: boolean; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const { data } = useQuery({ ...pipelinesQuery(project.id), enabled: open })
  const [chosen, setChosen] = useState("")
  const slug = chosen || data?.results[0]?.slug || ""
  const choose = useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH("/api/v2/projects/{project_id}", {
          params: { path: { project_id: project.id } },
          body: { automatic_pipeline: slug },
        }),
      ),
    onSuccess: (changed) => {
      client.setQueryData(projectQuery(project.id).queryKey, changed)
      showToast(t.chosen(data?.results.find((one) => one.slug === slug)?.name ?? slug))
      onClose()
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={t.choose}>
      {data?.results.length === 0 ? (
        <>
          <p className="soft">{t.noPipeline}</p>
          <div className="dialog-actions">
            <LinkButton kind="accent" href={paths.workers(project.id)}>
              {t.workerGo}
            </LinkButton>
          </div>
        </>
      ) : (
        <>
          <SelectField
            label={settingsTexts.automatic}
            hint={settingsTexts.automaticHint}
            value={slug}
            onChange={(event) => setChosen(event.target.value)}
          >
            {data?.results.map((one) => (
              <option key={one.slug} value={one.slug}>
                {one.name}
              </option>
            ))}
          </SelectField>
          <div className="dialog-actions">
            <Button
              kind="accent"
              busy={choose.isPending}
              disabled={!slug}
              onClick={() => choose.mutate()}
            >
              {t.chooseGo}
            </Button>
          </div>
        </>
      )}
    </Dialog>
  )
}
