/** What is shown where a screen broke, instead of nothing. */
import { Component, type ReactNode } from "react"
import { Button } from "../ui/Button"
import { EmptyState } from "../ui/feedback"
import { texts } from "../en"

export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    if (!this.state.broken) return this.props.children
    return (
      <EmptyState screen title={texts.problems.pageBroke} text={texts.problems.reload}>
        <Button kind="accent" onClick={() => window.location.reload()}>{texts.common.retry}</Button>
      </EmptyState>
    )
  }
}
