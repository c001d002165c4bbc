/** What leads through a new installation, from the account to the first results: true at each step, and gone when done. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Check } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Link } from "wouter"
import { answer, api } from "../api/client"
import { askCaller, askPipelines, askProject } from "../api/queries"
import type { Deployment, Job, ProcessingService } from "../api/types"
import { paths } from "../paths"
import { Button, LinkButton } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { SelectField } from "../ui/Field"
import "./first.css"
import { When } from "../ui/time"
import { toast } from "../ui/Toasts"
import { words } from "../en"
import { firstWords as w } from "./en"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { useProject } from "../projects/project"
import { nothingChosen } from "../uploads/dropped"
import { UploadDialog } from "../uploads/UploadDialog"

interface FirstStepsProps {
  deployments: Deployment[]
  images: number
  services: ProcessingService[]
  jobs: Job[]
  /** One of those that are not over. */
  waiting: Job | undefined
}

interface Step {
  key: string
  title: string
  done: boolean
  /** What is so: shown where it is done, too. */
  said: ReactNode
  go?: ReactNode
}

export function FirstSteps({ deployments, images, services, jobs, waiting }: FirstStepsProps) {
  const project = useProject()
  const { data: caller } = useQuery(askCaller)
  const [open, setOpen] = useState<"deployment" | "upload" | "pipeline" | null>(null)
  // A project begins with a deployment that has no name of its own; a person has not said where a camera is by that.
  const hasDeployment = deployments.some((one) => one.latitude !== null) || deployments.length > 1
  const online = services.some((service) => service.online)
  const lastSeen = services.map((service) => service.last_seen_at ?? "").sort().at(-1)
  const chosen = Boolean(project.automatic_pipeline) || jobs.length > 0 || waiting !== undefined
  const done = [true, true, hasDeployment, images > 0, online, false]
  const now = done.indexOf(false)
  const kind = (step: number) => (step === now ? "accent" : "plain")
  const steps: Step[] = [
    { key: "account", title: w.account, done: true, said: caller?.email ?? "" },
    { key: "project", title: w.project, done: true, said: project.name },
    {
      key: "deployment", title: w.where, done: hasDeployment, said: hasDeployment ? words.deployments(deployments.length) : w.whereText,
      go: <Button kind={kind(2)} onClick={() => setOpen("deployment")}>{w.whereGo}</Button>,
    },
    {
      key: "images", title: w.bring, done: images > 0, said: images > 0 ? words.images(images) : w.bringText,
      go: (
        <>
          <LinkButton kind={kind(3)} href={paths.newSource(project.id)}>{w.bringGo}</LinkButton>
          <Button onClick={() => setOpen("upload")}>{w.bringUpload}</Button>
        </>
      ),
    },
    {
      key: "worker", title: w.worker, done: online,
      said: online ? w.workerOnline : services.length > 0 ? <>{w.workerAway} <When at={lastSeen || null} />.</> : w.workerText,
      go: <LinkButton kind={kind(4)} href={paths.workers(project.id)}>{services.length > 0 ? w.workerLook : w.workerGo}</LinkButton>,
    },
    {
      key: "results", title: w.results, done: false,
      said: waiting ? <>{waiting.why} <Link href={paths.job(project.id, waiting.id)}>{w.resultsJob}</Link></> : chosen ? w.resultsWait : w.resultsText,
      go: !chosen && <Button kind={kind(5)} onClick={() => setOpen("pipeline")}>{w.resultsGo}</Button>,
    },
  ]
  return (
    <section className="first" data-testid="first-steps" aria-labelledby="first-title">
      <div className="first-head"><h2 id="first-title">{w.title}</h2><p className="soft small">{w.progress(done.filter(Boolean).length, done.length)}</p></div>
      <ol>
        {steps.map((step, at) => (
          <li key={step.key} className={step.done ? "first-step first-done" : "first-step"} aria-current={at === now ? "step" : undefined}>
            <span className="first-mark">{step.done ? <Check size={15} aria-label={w.done} /> : at + 1}</span>
            <h3>{step.title}</h3>
            <p>{step.said}</p>
            {!step.done && step.go && <div className="actions">{step.go}</div>}
          </li>
        ))}
      </ol>
      <Dialog open={open === "deployment"} onClose={() => setOpen(null)} title={words.deployment.add}>
        <DeploymentForm others={deployments} onDone={() => setOpen(null)} />
      </Dialog>
      {open === "upload" && <UploadDialog initial={nothingChosen()} onClose={() => setOpen(null)} />}
      <ChoosePipeline open={open === "pipeline"} onClose={() => setOpen(null)} />
    </section>
  )
}

function ChoosePipeline({ open, onClose }: { open: boolean; onClose: () => void }) {
  const project = useProject()
  const client = useQueryClient()
  const { data } = useQuery({ ...askPipelines(project.id), enabled: open })
  const [chosen, setChosen] = useState("")
  const slug = chosen || data?.results[0]?.slug || ""
  const choose = useMutation({
    mutationFn: () => answer(api.PATCH("/api/v2/projects/{project_id}", { params: { path: { project_id: project.id } }, body: { automatic_pipeline: slug } })),
    onSuccess: (changed) => {
      client.setQueryData(askProject(project.id).queryKey, changed)
      toast(w.chosen(data?.results.find((one) => one.slug === slug)?.name ?? slug))
      onClose()
    },
  })
  return (
    <Dialog open={open} onClose={onClose} title={w.choose}>
      {data?.results.length === 0 ? (
        <>
          <p className="soft">{w.noPipeline}</p>
          <div className="dialog-actions"><LinkButton kind="accent" href={paths.workers(project.id)}>{w.workerGo}</LinkButton></div>
        </>
      ) : (
        <>
          <SelectField label={words.settings.automatic} hint={words.settings.automaticHint} value={slug} onChange={(event) => setChosen(event.target.value)}>
            {data?.results.map((one) => <option key={one.slug} value={one.slug}>{one.name}</option>)}
          </SelectField>
          <div className="dialog-actions"><Button kind="accent" busy={choose.isPending} disabled={!slug} onClick={() => choose.mutate()}>{w.chooseGo}</Button></div>
        </>
      )}
    </Dialog>
  )
}
