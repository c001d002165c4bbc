/** JSON data as a tree with collapsible parts. */

const MAX_PARTS = 200
const MAX_TEXT = 8

export function JsonTree({ value, name }: { value: unknown; name?: string }) {
  if (typeof value !== "object" || value === null) {
    return (
      <div className="tree-leaf">
        {name !== undefined && <span className="tree-name">{name}</span>}
        <span className={`tree-${value === null ? "null" : typeof value}`}>
          {typeof value === "string" ? value : String(value)}
        </span>
      </div>
    )
  }
  const parts = Object.entries(value)
  const list = (
    <div className="tree-parts">
      {parts.slice(0, MAX_PARTS).map(([key, part]) => (
        <JsonTree key={key} name={key} value={part} />
      ))}
      {parts.length > MAX_PARTS && (
        <div className="tree-leaf faint">… {parts.length - MAX_PARTS}</div>
      )}
    </div>
  )
  if (name === undefined) return <div className="tree">{list}</div>
  return (
    <details className="tree-branch" open={parts.length > 0 && parts.length <= MAX_TEXT}>
      <summary>
        <span className="tree-name">{name}</span>{" "}
        <span className="faint">
          {Array.isArray(value) ? `[${parts.length}]` : `{${parts.length}}`}
        </span>
      </summary>
      {list}
    </details>
  )
}
