/** Buttons, and links that look like buttons. */
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode } from "react"
import { Link } from "wouter"

interface Look {
  kind?: "plain" | "accent" | "quiet" | "danger"
  icon?: ReactNode
  small?: boolean
}

function look({ kind = "plain", small }: Look, className?: string): string {
  return ["button", `button-${kind}`, small ? "button-small" : "", className ?? ""]
    .filter(Boolean)
    .join(" ")
}

export function Button({
  kind,
  icon,
  small,
  busy,
  className,
  children,
  disabled,
  ...rest
}: Look & { busy?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={look({ kind, small }, className)}
    >
      {icon}
      {children}
    </button>
  )
}

export function LinkButton({
  kind,
  icon,
  small,
  className,
  children,
  href,
  ...rest
}: Look & { href: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <Link {...rest} href={href} className={look({ kind, small }, className)}>
      {icon}
      {children}
    </Link>
  )
}

/** A button with only an icon; its label is its accessible name and tooltip. */
export function IconButton({
  label,
  children,
  className,
  ...rest
}: { label: string } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`icon-button ${className ?? ""}`}
    >
      {children}
    </button>
  )
}
