import { ConfigError } from './config-error.ts'

/** What the codes of the `yaml` package mean. Its own messages quote the text, which may hold a secret. */
const meanings: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have an anchor or a tag',
  BAD_ALIAS: 'an alias with no name, or with one that is not usable',
  BAD_DIRECTIVE: 'a directive that is none',
  BAD_DQ_ESCAPE: 'an escape that is none, inside double quotes',
  BAD_INDENT: 'the indentation does not fit',
  BAD_SCALAR_START: 'a value begins with a character that wants quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a block where a name is expected',
  BLOCK_IN_FLOW: 'a block inside of brackets',
  DUPLICATE_KEY: 'a name is there twice',
  IMPOSSIBLE: 'something that is no YAML',
  KEY_OVER_1024_CHARS: 'a name of more than 1024 characters',
  MISSING_CHAR:
    'a character is missing, such as a closing quote or bracket, or a space after a colon',
  MULTILINE_IMPLICIT_KEY: 'a name that goes over several lines, or a value without indentation',
  MULTIPLE_ANCHORS: 'two anchors at one place',
  MULTIPLE_DOCS: 'more than one document; leave one',
  MULTIPLE_TAGS: 'two tags at one place',
  TAB_AS_INDENT: 'a tab in the indentation; YAML wants spaces',
  TAG_RESOLVE_FAILED: 'a tag that is not known here',
  UNEXPECTED_TOKEN: 'something that is not expected here',
}

/** @throws ConfigError, as a rejection, with line and column. */
export async function parseYaml(text: string, source: string): Promise<unknown> {
  // Loaded only for those who write YAML.
  const { isAlias, LineCounter, parseDocument, visit } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: true,
    strict: true,
  })
  const [problem] = [...document.errors, ...document.warnings]
  const refuse = (meaning: string, at: number): ConfigError => {
    const { line, col } = lines.linePos(Math.min(at, text.length))
    const column = Math.max(col, 1)
    return new ConfigError(`${source}:${line}:${column}: ${meaning}`, {
      source,
      line: Math.max(line, 1),
      column,
    })
  }
  if (problem !== undefined)
    throw refuse(meanings[problem.code] ?? 'something that is no YAML', problem.pos[0])
  let circle: number | undefined
  visit(document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document)
      if (target !== undefined && ancestors.includes(target)) circle ??= alias.range?.[0] ?? 0
    },
  })
  if (circle !== undefined) throw refuse('an alias that refers to what it stands in', circle)
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    let at = 0
    visit(document, {
      Alias(_, alias) {
        at ||= alias.range?.[0] ?? 0
      },
    })
    throw refuse(
      isAlias(document.contents)
        ? 'an alias of nothing'
        : 'an alias of nothing, or aliases that multiply past all bounds',
      at,
    )
  }
}
