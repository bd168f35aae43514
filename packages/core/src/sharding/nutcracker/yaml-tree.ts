import { type Mark, refuse } from './yaml-cursor.ts'
import { type YamlToken, yamlTokens } from './yaml-tokens.ts'

export interface YamlScalar {
  readonly kind: 'scalar'
  readonly text: string
  readonly mark: Mark
}
export interface YamlMapping {
  readonly kind: 'mapping'
  readonly entries: readonly { readonly key: YamlNode; readonly value: YamlNode }[]
  readonly mark: Mark
}
export interface YamlSequence {
  readonly kind: 'sequence'
  readonly items: readonly YamlNode[]
  readonly mark: Mark
}
export type YamlNode = YamlScalar | YamlMapping | YamlSequence

// A pool's server list is the deepest thing there is; whatever is deeper is refused without being read.
const deepest = 3

/**
 * The tree of a nutcracker.yml; `undefined` for a text without content.
 * @throws InvalidOptionError with line and column.
 */
export function yamlTree(text: string): YamlNode | undefined {
  return new TreeBuilder(yamlTokens(text)).run()
}

class TreeBuilder {
  readonly #tokens: readonly YamlToken[]
  #at = 0

  constructor(tokens: readonly YamlToken[]) {
    this.#tokens = tokens
  }

  run(): YamlNode | undefined {
    if (this.#peek().type === 'end') return undefined
    const root = this.#node(1, false)
    const rest = this.#peek()
    if (rest.type !== 'end')
      refuse(rest.mark, 'this does not belong to anything above it; check the indentation')
    return root
  }

  #peek(): YamlToken {
    return this.#tokens[this.#at]!
  }

  /** `indentless`: a list may stand at the column of the key it belongs to, and then opens no block. */
  #node(depth: number, indentless: boolean): YamlNode {
    const token = this.#peek()
    if (token.type === 'scalar') {
      this.#at++
      return { kind: 'scalar', text: token.text, mark: token.mark }
    }
    if (depth > deepest) refuse(token.mark, 'nested too deeply; a pool holds keys, and one list')
    if (indentless && token.type === 'entry') return this.#indentlessSequence(depth)
    if (token.type === 'sequence-start') return this.#sequence(depth)
    if (token.type === 'mapping-start') return this.#mapping(depth)
    return refuse(token.mark, 'expected a value here; check the indentation')
  }

  #mapping(depth: number): YamlMapping {
    const { mark } = this.#peek()
    const entries: { key: YamlNode; value: YamlNode }[] = []
    this.#at++
    while (this.#peek().type !== 'block-end') {
      const token = this.#peek()
      if (token.type !== 'key')
        refuse(token.mark, "expected 'key: value' here; check the indentation")
      this.#at++
      const key = this.#nodeOrEmpty(token.mark, ['key', 'value', 'block-end'], depth, true)
      const next = this.#peek()
      if (next.type !== 'value') {
        entries.push({ key, value: emptyAt(next.mark) })
        continue
      }
      this.#at++
      const value = this.#nodeOrEmpty(next.mark, ['key', 'value', 'block-end'], depth, true)
      entries.push({ key, value })
    }
    this.#at++
    return { kind: 'mapping', entries, mark }
  }

  #sequence(depth: number): YamlSequence {
    const { mark } = this.#peek()
    const items: YamlNode[] = []
    this.#at++
    while (this.#peek().type !== 'block-end') {
      const token = this.#peek()
      if (token.type !== 'entry') refuse(token.mark, "expected '- ' here; check the indentation")
      this.#at++
      items.push(this.#nodeOrEmpty(token.mark, ['entry', 'block-end'], depth, false))
    }
    this.#at++
    return { kind: 'sequence', items, mark }
  }

  #indentlessSequence(depth: number): YamlSequence {
    const { mark } = this.#peek()
    const items: YamlNode[] = []
    for (let token = this.#peek(); token.type === 'entry'; token = this.#peek()) {
      this.#at++
      items.push(
        this.#nodeOrEmpty(token.mark, ['entry', 'key', 'value', 'block-end'], depth, false),
      )
    }
    return { kind: 'sequence', items, mark }
  }

  #nodeOrEmpty(
    mark: Mark,
    endings: readonly YamlToken['type'][],
    depth: number,
    indentless: boolean,
  ): YamlNode {
    return endings.includes(this.#peek().type) ? emptyAt(mark) : this.#node(depth + 1, indentless)
  }
}

const emptyAt = (mark: Mark): YamlScalar => ({ kind: 'scalar', text: '', mark })
