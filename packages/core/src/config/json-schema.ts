import { configNode } from './config-node.ts'
import type { JsonSchema, Node, ObjectNode } from './node.ts'

/** What a member of a type means, where somebody has written that down. */
export type Describe = (type: string, member: string) => string | undefined

const secretText = { type: 'string', minLength: 1 }

/** The JSON Schema (draft 2020-12) of a configuration, for editors. What refers to what is checked by `readConfig` alone. */
export function jsonSchema(describe: Describe = () => undefined): JsonSchema {
  const definitions: Record<string, unknown> = {}
  const root = schemaOf(configNode, describe, definitions)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Holdfast configuration',
    ...(definitions[(root.$ref as string).replace('#/$defs/', '')] as object),
    $defs: Object.fromEntries(
      Object.entries(definitions).filter(([type]) => type !== configNode.type),
    ),
  }
}

function schemaOf(
  node: Node,
  describe: Describe,
  definitions: Record<string, unknown>,
): JsonSchema {
  const inside = (of: Node) => schemaOf(of, describe, definitions)
  switch (node.kind) {
    case 'leaf':
      return node.json
    case 'secret':
      return secretText
    case 'reference':
      return { type: 'string', minLength: 1 }
    case 'list':
      return { type: 'array', items: inside(node.of) }
    case 'map':
      return {
        type: 'object',
        ...(node.keys === 'name'
          ? { propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' } }
          : {}),
        additionalProperties: inside(node.of),
      }
    case 'either':
      return { anyOf: node.of.map(inside) }
    case 'object': {
      const name = node.type
      // Before its members, which may be of the same type.
      if (!(name in definitions)) {
        definitions[name] = {}
        definitions[name] = objectSchema(node, describe, inside)
      }
      return { $ref: `#/$defs/${name}` }
    }
  }
}

function objectSchema(
  { type, shape, required, oneOf }: ObjectNode,
  describe: Describe,
  inside: (node: Node) => JsonSchema,
): JsonSchema {
  const properties = Object.entries(shape).map(([name, node]) => {
    const description = describe(type, name)
    return [name, { ...(description === undefined ? {} : { description }), ...inside(node) }]
  })
  return {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...(type === configNode.type ? { $schema: { type: 'string' } } : {}),
      ...Object.fromEntries(properties),
    },
    ...(required.length > 0 ? { required } : {}),
    ...(oneOf.length > 0 ? { oneOf: oneOf.map((name) => ({ required: [name] })) } : {}),
  }
}
