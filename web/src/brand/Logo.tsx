import { Link } from "wouter"
import { brandTexts } from "./en"

export function Logo({ href }: { href: string }) {
  return (
    <Link href={href} className="mark" aria-label={brandTexts.product}>
      <svg viewBox="0 0 32 32" aria-hidden>
        <path d="M6 12V6h6M20 6h6v6M26 20v6h-6M12 26H6v-6" />
        <circle cx="16" cy="16" r="3.4" />
      </svg>
      <span>{brandTexts.product}</span>
    </Link>
  )
}
