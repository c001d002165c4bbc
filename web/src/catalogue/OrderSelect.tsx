/** The order of the grid. */
import { ArrowDownUp } from "lucide-react"
import { parseOrder } from "../images/orders"
import { reviewScreenTexts } from "../review/en"
import { gridTexts as t } from "./en"

interface OrderSelectProps {
  /** The parameter of the URL; empty for the newest first. */
  order: string
  onChange: (order: string) => void
}

export function OrderSelect({ order, onChange }: OrderSelectProps) {
  return (
    <label className="order-select" title={t.order}>
      <ArrowDownUp size={15} aria-hidden />
      <select
        aria-label={t.order}
        value={parseOrder(order)}
        onChange={(event) => {
          const next = parseOrder(event.target.value)
          onChange(next === "-captured_at" ? "" : next)
        }}
      >
        {Object.entries(reviewScreenTexts.orders).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
