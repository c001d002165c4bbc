/** Tabs on narrow windows: they are in one row that scrolls. */

/** Scroll the current tab into the visible part of its row; a `ref` of the row. */
export function showCurrentTab(row: HTMLElement | null): void {
  row?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" })
}
