/** The dialog that adds a sensitive taxon or edits what each role sees of its locations. */
import { useMutation } from "@tanstack/react-query"
import { type FormEvent, useId, useState } from "react"
import { api, unwrap } from "../api/client"
import type { LocationPrecision, SensitiveTaxon } from "../api/types"
import { ErrorMessage } from "../errors/ErrorMessage"
import { useProject } from "../projects/projectContext"
import { Button } from "../ui/Button"
import { Dialog } from "../ui/Dialog"
import { uiTexts } from "../ui/en"
import { SelectField } from "../ui/Field"
import { showToast } from "../ui/Toasts"
import { sensitiveTaxonTexts as t } from "./en"
import { DEFAULT_RULE, getLevels, getRoleErrors, LEVELS, RULE_ROLES } from "./sensitiveLevels"
import { TaxonSelect } from "./TaxonSelect"

interface SensitiveTaxonFormProps {
  /** The taxon whose rule is edited; undefined to add one. */
  edited?: SensitiveTaxon
  listed: SensitiveTaxon[]
  onClose: () => void
  onSaved: () => void
}

export function SensitiveTaxonForm({ edited, listed, onClose, onSaved }: SensitiveTaxonFormProps) {
  const project = useProject()
  const field = useId()
  const [taxon, setTaxon] = useState(
    edited ? { id: edited.taxon_id, name: edited.scientific_name } : null,
  )
  const [rule, setRule] = useState(getLevels(edited ?? DEFAULT_RULE))
  const [isMissing, setMissing] = useState(false)
  const isListed = listed.some((one) => one.taxon_id === taxon?.id)
  const save = useMutation({
    meta: { saysItself: true },
    mutationFn: (id: string) =>
      unwrap(
        api.PUT("/api/v2/projects/{project_id}/sensitive-taxa/{taxon_id}", {
          params: { path: { project_id: project.id, taxon_id: id } },
          body: rule,
        }),
      ),
    onSuccess: ({ scientific_name: name }) => {
      showToast(isListed ? t.saved(name) : t.added(name))
      onSaved()
      onClose()
    },
  })
  const errors = getRoleErrors(save.error)
  const choose = (id: string, name: string) => {
    setTaxon({ id, name })
    setMissing(false)
    save.reset()
    // A taxon that is already listed keeps its levels unless the user changes them.
    const known = listed.find((one) => one.taxon_id === id)
    if (known) setRule(getLevels(known))
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    event.stopPropagation()
    if (taxon) save.mutate(taxon.id)
    else setMissing(true)
  }
  return (
    <Dialog open onClose={onClose} title={edited ? t.edit(edited.scientific_name) : t.add}>
      <form className="form" onSubmit={submit}>
        {!edited && (
          <div className="field">
            <label htmlFor={field}>{t.taxon}</label>
            <TaxonSelect
              id={field}
              placeholder={t.choose}
              chosen={taxon?.name ?? ""}
              onChoose={(one) =>
                choose(one.accepted_id ?? one.id, one.accepted_name ?? one.scientific_name)
              }
            />
            {isListed && <p className="hint">{t.listed}</p>}
            {isMissing && (
              <p className="field-error" role="alert">
                {t.chooseFirst}
              </p>
            )}
          </div>
        )}
        {RULE_ROLES.map((role) => (
          <SelectField
            key={role}
            label={t.roles[role]}
            hint={role === "visitor" ? t.visitorHint : undefined}
            error={errors[role]}
            value={rule[role]}
            onChange={(event) => {
              setRule((old) => ({ ...old, [role]: event.target.value as LocationPrecision }))
              save.reset()
            }}
          >
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {t.levels[level]}
              </option>
            ))}
          </SelectField>
        ))}
        <p className="hint">{t.names}</p>
        {save.error && Object.keys(errors).length === 0 && <ErrorMessage error={save.error} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{uiTexts.cancel}</Button>
          <Button type="submit" kind="accent" busy={save.isPending}>
            {edited || isListed ? uiTexts.save : t.addGo}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
