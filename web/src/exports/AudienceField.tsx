/** Selects the readers whose view of the locations of sensitive taxa an export does not exceed. */
import { useQuery } from "@tanstack/react-query"
import type { ExportFormat, LocationAudience } from "../api/types"
import { useProject } from "../projects/projectContext"
import { sensitiveTaxaQuery } from "../taxa/queries"
import { SelectField } from "../ui/Field"
import { exportTexts as t } from "./en"

const AUDIENCES = Object.keys(t.audiences) as LocationAudience[]

/** Return the audience of an export for which none is chosen; Darwin Core is published. */
const getDefaultAudience = (format: ExportFormat): LocationAudience =>
  format === "darwin-core" ? "visitor" : "owner"

interface AudienceFieldProps {
  format: ExportFormat
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
    format === "darwin-core" ? `${t.audienceHint} ${t.audiencePublished}` : t.audienceHint
  return (
    <SelectField
      label={t.audience}
      hint={hint}
      value={audience ?? getDefaultAudience(format)}
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
