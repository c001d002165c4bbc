/** What is shown where a screen broke, instead of nothing. */
import { Component, type ReactNode } from "react"
import { Button } from "../ui/Button"
import { Empty } from "../ui/Notice"
import { words } from "../en"

export class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    if (!this.state.broken) return this.props.children
    return (
      <Empty screen title={words.problems.pageBroke} text={words.problems.reload}>
        <Button kind="accent" onClick={() => window.location.reload()}>{words.common.retry}</Button>
      </Empty>
    )
  }
}
