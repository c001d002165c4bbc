/** Shown in place of content: an empty state, or a skeleton while content loads. */
import type { ReactNode } from "react"
import { uiTexts } from "./en"

/** An empty list, with what to do next. */
export function EmptyState({
  title,
  text,
  screen,
  children,
}: {
  title: string
  text?: ReactNode
  screen?: boolean
  children?: ReactNode
}) {
  // If it fills the screen, its title is the screen's heading.
  const Title = screen ? "h1" : "h2"
  return (
    <div className="empty">
      <svg className="empty-mark" viewBox="0 0 48 48" aria-hidden>
        <path d="M8 17V8h9M31 8h9v9M40 31v9h-9M17 40H8v-9" />
      </svg>
      <Title>{title}</Title>
      {text && <p>{text}</p>}
      {children && <div className="actions">{children}</div>}
    </div>
  )
}

/** Grey rows in the shape of a list that is loading. */
export function SkeletonRows({ rows = 5, height = 44 }: { rows?: number; height?: number }) {
  return (
    <div className="skeleton-rows" role="status" aria-label={uiTexts.loading}>
      {Array.from({ length: rows }, (_, row) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no ID and do not move
          key={row}
          className="skeleton"
          style={{ height: height - 8, width: `${100 - ((row * 13) % 35)}%` }}
        />
      ))}
    </div>
  )
}
