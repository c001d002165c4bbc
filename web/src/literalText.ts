/** Finds text for users that is written in the code instead of in a catalogue. For tests. */
import ts from "typescript"

/** Attributes whose value is shown or read aloud. */
const TEXT_ATTRIBUTES = new Set([
  "alt",
  "aria-description",
  "aria-label",
  "aria-roledescription",
  "aria-valuetext",
  "hint",
  "label",
  "placeholder",
  "text",
  "title",
])
/** Functions whose arguments are shown. */
const TEXT_FUNCTIONS = new Set(["showToast", "alert", "confirm", "formatPlural", "choosePlural"])
/** Elements with names of keys, commands and identifiers. */
const CODE_ELEMENTS = new Set(["code", "kbd", "pre"])
const CODE_ATTRIBUTES = new Set(["aria-keyshortcuts", "className"])
const LETTERS = /\p{L}{2}/u
/** A capitalised word followed by others, or a sentence with a full stop. */
const PROSE = /^\p{Lu}\p{Ll}+ \p{Ll}+|\p{Ll} \p{Ll}+.*\.$/u

export interface LiteralText {
  line: number
  text: string
}

/** List each text that the source of a component contains. */
export function findLiteralText(file: string, source: string): LiteralText[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX)
  const found = new Map<string, LiteralText>()
  const report = (node: ts.Node, text: string) => {
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree))
    const one = { line: line + 1, text: text.trim() }
    found.set(`${one.line} ${one.text}`, one)
  }
  /** Report the texts that an expression can have as its value. */
  const reportValues = (node: ts.Node | undefined): void => {
    if (!node) return
    if (ts.isStringLiteralLike(node)) {
      if (LETTERS.test(node.text)) report(node, node.text)
    } else if (ts.isTemplateExpression(node)) {
      const parts = [node.head.text, ...node.templateSpans.map((span) => span.literal.text)]
      for (const part of parts) if (LETTERS.test(part)) report(node, part)
      for (const span of node.templateSpans) reportValues(span.expression)
    } else if (ts.isConditionalExpression(node)) {
      reportValues(node.whenTrue)
      reportValues(node.whenFalse)
    } else if (ts.isBinaryExpression(node)) {
      if (node.operatorToken.kind === ts.SyntaxKind.PlusToken) reportValues(node.left)
      if (!/[=<>]/.test(node.operatorToken.getText(tree))) reportValues(node.right)
    } else if (ts.isParenthesizedExpression(node) || ts.isJsxExpression(node)) {
      reportValues(node.expression)
    } else if (ts.isArrayLiteralExpression(node)) {
      for (const one of node.elements) reportValues(one)
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isJsxElement(node) && CODE_ELEMENTS.has(node.openingElement.tagName.getText(tree)))
      return
    if (ts.isJsxText(node)) {
      if (LETTERS.test(node.text)) report(node, node.text)
    } else if (ts.isJsxAttribute(node)) {
      if (TEXT_ATTRIBUTES.has(node.name.getText(tree))) reportValues(node.initializer)
      if (CODE_ATTRIBUTES.has(node.name.getText(tree))) return
    } else if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) {
      reportValues(node.expression)
    } else if (ts.isCallExpression(node) && TEXT_FUNCTIONS.has(node.expression.getText(tree))) {
      for (const argument of node.arguments) reportValues(argument)
    } else if (ts.isNewExpression(node) && /Error$/.test(node.expression.getText(tree))) {
      return // developers read it, not users
    } else if (ts.isStringLiteralLike(node) && PROSE.test(node.text)) {
      report(node, node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return [...found.values()]
}
