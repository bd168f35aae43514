import { memberPath } from './check-node.ts'
import type { Node, ReferenceNode, SecretNode } from './node.ts'
import { Secret } from './secret.ts'

type Place = ReferenceNode | SecretNode

/** A copy of a checked value in which every secret and every reference is what `change` makes of it. */
export function walkNode(
  node: Node,
  value: unknown,
  path: string,
  change: (place: Place, value: unknown, path: string) => unknown,
): unknown {
  const inside = (of: Node, item: unknown, at: string) => walkNode(of, item, at, change)
  switch (node.kind) {
    case 'leaf':
      return value
    case 'secret':
    case 'reference':
      return change(node, value, path)
    case 'list':
      return (value as unknown[]).map((item, index) => inside(node.of, item, `${path}[${index}]`))
    case 'map':
      return copyOf(value, (name, item) => inside(node.of, item, memberPath(path, name, node.keys)))
    case 'object':
      return copyOf(value, (name, item) => inside(node.shape[name]!, item, memberPath(path, name)))
    case 'either': {
      const chosen = node.of.find((each) => fits(each, value))
      return chosen === undefined ? value : inside(chosen, value, path)
    }
  }
}

const copyOf = (value: unknown, item: (name: string, value: unknown) => unknown) =>
  Object.fromEntries(
    Object.entries(value as object).map(([name, given]) => [name, item(name, given)]),
  )

/** The value has been checked: only its kind is to be told. */
function fits(node: Node, value: unknown): boolean {
  if (node.kind === 'secret') return value instanceof Secret
  if (node.kind === 'reference') return typeof value === 'string'
  if (node.kind === 'list') return Array.isArray(value)
  const isRecord =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret)
  return node.kind === 'object' || node.kind === 'map' ? isRecord : false
}
