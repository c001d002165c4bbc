/** Shows an error with a reload button when a screen fails to render. */
import { Component, type ReactNode } from "react"
import { Button } from "../ui/Button"
import { uiTexts } from "../ui/en"
import { EmptyState } from "../ui/feedback"
import { errorTexts } from "./en"

export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    if (!this.state.broken) return this.props.children
    return (
      <EmptyState screen title={errorTexts.pageBroke} text={errorTexts.reload}>
        <Button kind="accent" onClick={() => window.location.reload()}>
          {uiTexts.retry}
        </Button>
      </EmptyState>
    )
  }
}
