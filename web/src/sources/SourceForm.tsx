/** The form of a pull source, with a live test that lists what a run would import. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { api, unwrap } from "../api/client"
import type { Gateway, Source } from "../api/types"
import { DeploymentForm } from "../deployments/DeploymentForm"
import { deploymentTexts } from "../deployments/en"
import { deploymentsQuery } from "../deployments/queries"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField, TextField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { sourceTexts } from "./en"
import { GatewayFields, GatewaySelect } from "./GatewayFields"
import { listOptions } from "./gatewayOptions"
import { gatewaysQuery } from "./queries"
import { SourceTestResult } from "./SourceTestResult"
import {
  buildFormValues,
  buildSettings,
  getGatewayName,
  type SourceFormValues,
} from "./sourceSettings"

type Texts = {
  [Key in keyof SourceFormValues]: SourceFormValues[Key] extends string ? Key : never
}[keyof SourceFormValues]

interface SourceFormProps {
  source?: Source
  /** Called with the stored source, or with null if the user cancelled. */
  onDone: (source: Source | null) => void
}

export function SourceForm({ source, onDone }: SourceFormProps) {
  const project = useProject()
  const client = useQueryClient()
  const { data: deployments } = useQuery(deploymentsQuery(project.id))
  const { data: gateways, error: gatewaysError } = useQuery(gatewaysQuery)
  const [making, setMaking] = useState(false)
  const [form, setForm] = useState(() => buildFormValues(source))
  const [place, setPlace] = useState(source?.location_id ?? "")
  const [cron, setCron] = useState(() => !(form.schedule in sourceTexts.schedules))
  const t = sourceTexts
  const set = (change: Partial<SourceFormValues>) => {
    test.reset()
    store.reset()
    setForm((old) => {
      const next = { ...old, ...change }
      const name =
        change.base_url === undefined
          ? next.gateway
          : getGatewayName(next.base_url, next.gateway, gateways ?? [])
      // A secret for one gateway is not valid for another.
      return name === old.gateway
        ? next
        : {
            ...next,
            gateway: name,
            secret: undefined,
            secret_options: {},
            auth_type: name === source?.gateway ? source.auth_type : "none",
          }
    })
  }
  const field = (key: Texts) => ({
    value: form[key],
    onChange: (event: { target: { value: string } }) => set({ [key]: event.target.value }),
  })
  const deployment = place || deployments?.results[0]?.id || ""
  const zone =
    source?.time_zone ?? deployments?.results.find((one) => one.id === deployment)?.time_zone
  const gateway = gateways?.find((one) => one.name === form.gateway)
  const params = { path: { source_id: source?.id ?? "" } }
  const test = useMutation({
    meta: { saysItself: true },
    mutationFn: ({ filled, by }: { filled: SourceFormValues; by: Gateway }) =>
      source
        ? unwrap(
            api.POST("/image-pull-sources/{source_id}/test", {
              params,
              body: buildSettings(filled, by),
            }),
          )
        : unwrap(
            api.POST("/image-pull-sources/test", {
              body: { source: { ...buildSettings(filled, by), project: project.id, deployment } },
            }),
          ),
  })
  const store = useMutation({
    meta: { saysItself: true },
    mutationFn: (by: Gateway) =>
      source
        ? unwrap(
            api.PATCH("/image-pull-sources/{source_id}", { params, body: buildSettings(form, by) }),
          )
        : unwrap(
            api.POST("/image-pull-sources", {
              body: { ...buildSettings(form, by), project: project.id, deployment },
            }),
          ),
    onSuccess: (stored) => {
      void client.invalidateQueries({ queryKey: ["source", project.id] })
      showToast(source ? t.changed : t.saved(stored.name))
      onDone(stored)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (gateway) store.mutate(gateway)
  }
  const takeHostKey = (host_key: string) => {
    const options = { ...form.options, host_key }
    set({ options })
    if (gateway) test.mutate({ filled: { ...form, options }, by: gateway })
  }
  const needsHostKey =
    gateway &&
    listOptions(gateway).some((one) => one.path === "host_key") &&
    !form.options.host_key?.trim()
  const ready = gateway !== undefined && form.base_url.trim() !== "" && deployment !== ""
  const proven = test.data?.ok || source !== undefined
  // The URL selects the gateway, so that it can be entered only when the gateways are known.
  if (!gateways) return gatewaysError ? <ErrorMessage error={gatewaysError} /> : null
  return (
    <>
      <form className="form" onSubmit={submit}>
        {gateway && <GatewaySelect gateways={gateways} gateway={gateway} set={set} />}
        <TextField
          label={t.url}
          required
          autoFocus={!source}
          spellCheck={false}
          placeholder={gateway?.example}
          {...field("base_url")}
        />
        {gateway && <GatewayFields form={form} set={set} gateway={gateway} source={source} />}
        <div className="form-row">
          <TextField
            label={t.name}
            hint={source ? undefined : t.nameHint}
            maxLength={255}
            {...field("name")}
          />
          {!source && (
            <SelectField
              label={t.deployment}
              value={deployment}
              required
              onChange={(event) =>
                event.target.value === "new" ? setMaking(true) : setPlace(event.target.value)
              }
            >
              {deployments?.results.length === 0 && <option value="" />}
              {deployments?.results.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
              <option value="new">{deploymentTexts.newDeployment}</option>
            </SelectField>
          )}
        </div>
        <div className="form-row">
          <SelectField
            label={t.schedule}
            value={cron ? "" : form.schedule}
            onChange={(event) => {
              setCron(event.target.value === "")
              if (event.target.value) set({ schedule: event.target.value })
            }}
          >
            {Object.entries(t.schedules).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
            <option value="">{t.custom}</option>
          </SelectField>
          {cron && (
            <TextField
              label={t.cron}
              hint={t.cronHint}
              spellCheck={false}
              required
              {...field("schedule")}
            />
          )}
        </div>
        <details className="more">
          <summary>{uiTexts.moreSettings}</summary>
          <div className="form">
            <div className="form-row">
              <TextField
                label={t.maxFiles}
                hint={t.maxFilesHint}
                type="number"
                min={0}
                {...field("max_files")}
              />
              <SelectField
                label={t.order}
                value={form.order}
                onChange={(event) =>
                  set({ order: event.target.value as SourceFormValues["order"] })
                }
              >
                {Object.entries(t.orders).map(([value, text]) => (
                  <option key={value} value={value}>
                    {text}
                  </option>
                ))}
              </SelectField>
            </div>
            <div className="form-row">
              <TextField label={t.minAge} type="number" min={0} {...field("min_age")} />
            </div>
            <div className="form-row">
              <TextField
                label={t.concurrency}
                type="number"
                min={1}
                max={16}
                {...field("concurrency")}
              />
              <TextField
                label={t.rateLimit}
                hint={t.rateLimitHint}
                type="number"
                min={0.01}
                step="any"
                {...field("rate_limit")}
              />
            </div>
            <div className="form-row">
              <TextField label={t.include} hint={t.patternsHint} {...field("include")} />
              <TextField label={t.exclude} {...field("exclude")} />
            </div>
            <TextField label={t.timePattern} hint={t.timePatternHint} {...field("time_pattern")} />
          </div>
        </details>
        {test.isPending && (
          <p className="soft" role="status">
            {t.testing}…
          </p>
        )}
        {test.error && <ErrorMessage error={test.error} />}
        {test.data && (
          <SourceTestResult
            test={test.data}
            zone={zone}
            onHostKey={needsHostKey ? takeHostKey : undefined}
          />
        )}
        {store.error && <ErrorMessage error={store.error} />}
        <div className="dialog-actions">
          <Button onClick={() => onDone(null)}>{uiTexts.cancel}</Button>
          <Button
            kind={proven ? "plain" : "accent"}
            busy={test.isPending}
            disabled={!ready}
            onClick={() => gateway && test.mutate({ filled: form, by: gateway })}
          >
            {t.test}
          </Button>
          <Button
            type="submit"
            kind={proven ? "accent" : "plain"}
            busy={store.isPending}
            disabled={!ready}
          >
            {source ? uiTexts.save : test.data && !test.data.ok ? t.saveAnyway : t.saveGo}
          </Button>
        </div>
      </form>
      <Dialog open={making} onClose={() => setMaking(false)} title={deploymentTexts.add}>
        <DeploymentForm
          onDone={(made) => {
            if (made) setPlace(made.id)
            setMaking(false)
          }}
        />
      </Dialog>
    </>
  )
}
