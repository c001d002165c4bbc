/** Selects the readers whose view of the locations of sensitive taxa an export does not exceed. */
import { useQuery } from "@tanstack/react-query"
import type { ExportFormatDescription, LocationAudience } from "../api/types"
import { useProject } from "../projects/projectContext"
import { sensitiveTaxaQuery } from "../taxa/queries"
import { SelectField } from "../ui/Field"
import { exportTexts as t, translateFormat } from "./en"

const AUDIENCES = Object.keys(t.audiences) as LocationAudience[]

interface AudienceFieldProps {
  format: ExportFormatDescription
  /** The chosen audience; null for the default of the format. */
  audience: LocationAudience | null
  onChange: (audience: LocationAudience) => void
}

/** Not shown in a project without sensitive taxa, unless an audience was chosen before. */
export function AudienceField({ format, audience, onChange }: AudienceFieldProps) {
  const project = useProject()
  const { data } = useQuery(sensitiveTaxaQuery(project.id))
  if (data?.results.length === 0 && audience === null) return null
  const hint =
    format.audience === "visitor"
      ? `${t.audienceHint} ${t.audiencePublished(translateFormat(format.name, format.title))}`
      : t.audienceHint
  return (
    <SelectField
      label={t.audience}
      hint={hint}
      value={audience ?? format.audience ?? "owner"}
      onChange={(event) => onChange(event.target.value as LocationAudience)}
    >
      {AUDIENCES.map((one) => (
        <option key={one} value={one}>
          {t.audiences[one][0]}
        </option>
      ))}
    </SelectField>
  )
}
