import { table } from '../markdown.ts'
import type { BehaviourResults } from './results.ts'
import { type Row, rows } from './rows.ts'
import type { Seen } from './seen.ts'

/* The page docs/comparison.md and the table of the README. They are made from the results; a test compares them. */

const ours = '@holdfast/core'

export function page(results: BehaviourResults): string {
  const { libraries } = results
  return `${[
    '# What each library was seen to do',
    'Generated from [benchmarks/results/behaviour.json](../benchmarks/results/behaviour.json); do not edit. Nothing here is taken from memory or from a feature list: each cell is what a function of [benchmarks/behaviour](../benchmarks/behaviour) saw the library do. To run it yourself, which takes about two minutes:',
    '```sh\npnpm --filter @holdfast/benchmarks run behaviour\n```',
    `Seen on ${results.date}, Node ${results.node}, all in one process, each library at the version and on the set-up below, which its documentation shows; what differs from it is said in the row. Where we know of a documented option that mends what the default does, the row names it. If a cell is wrong or unfair, open an issue with the set-up that shows it. Costs are not compared here but in [benchmarks](benchmarks.md), and what code looks like in [migrate](guides/migrate.md).`,
    '## The libraries',
    table(
      ['library', 'version', 'asked by', 'set-up'],
      libraries.map(({ title, version, call, setUp }) => [title, version, call, setUp]),
    ),
    'The others do things, too, that Holdfast does not and that no row asks for: cachified validates and migrates what comes out of the cache, ocache caches HTTP responses, bentocache brings drivers for databases and a dashboard, layered-loader runs without a `node:` builtin, cacheable and cache-manager have every store that Keyv has, and lru-cache is a synchronous cache without promises.',
    '## All at once',
    'A cell leads to its row; one of Holdfast leads to the page that promises it.',
    table(
      ['', ...libraries.map(({ title }) => title)],
      rows.map((row) => [
        `[${row.title}](#${anchorOf(row)})`,
        ...libraries.map(({ name }) =>
          link(seenOf(results, row, name).short, name === ours ? row.concept : `#${anchorOf(row)}`),
        ),
      ]),
    ),
    ...rows.flatMap((row) => section(results, row)),
  ].join('\n\n')}\n`
}

function section(results: BehaviourResults, row: Row): string[] {
  return [
    `## ${row.title}`,
    `${row.how} Seen by \`${row.measure.name}\` in [${row.file}.ts](../benchmarks/behaviour/rows/${row.file}.ts).`,
    table(
      ['', 'seen', 'more'],
      results.libraries.map(({ name, title }) => {
        const said = row.said?.[name]
        const more = name === ours ? link('promised here', row.concept) : said
        return [
          title,
          seenOf(results, row, name).long,
          typeof more === 'string' ? more : more === undefined ? '' : link(more.text, more.url),
        ]
      }),
    ),
  ]
}

const begin = '<!-- comparison: made by `pnpm --filter @holdfast/benchmarks run behaviour` -->'
const end = '<!-- /comparison -->'

/** The README with its table made anew. */
export function readmeWithTable(readme: string, results: BehaviourResults): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md needs ${begin} and then ${end}`)
  const made = alignedTable(
    ['', ...results.libraries.map(({ title }) => title)],
    rows
      .filter(({ inReadme }) => inReadme)
      .map((row) => [
        row.title,
        ...results.libraries.map(({ name }) =>
          link(seenOf(results, row, name).short, `docs/comparison.md#${anchorOf(row)}`),
        ),
      ]),
  )
  return `${readme.slice(0, from)}${begin}\n\n${made}\n\n${readme.slice(to)}`
}

function seenOf(results: BehaviourResults, row: Row, name: string): Seen {
  const seen = results.seen[row.measure.name]?.[name]
  if (seen === undefined)
    throw new Error(`the results have nothing of ${name} by ${row.measure.name}`)
  return seen
}

/** As GitHub makes it from a heading. */
export function anchorOf({ title }: { readonly title: string }): string {
  return title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}

const link = (text: string, target: string): string => `[${text}](${target})`

/** As the formatter of this workspace, which also reads the README, would write it. */
function alignedTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) =>
    Math.max(3, ...[head, ...body].map((cells) => cells[at]?.length ?? 0)),
  )
  const padded = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0))
  const rule = widths.map((width) => '-'.repeat(width))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(padded(head)), line(rule), ...body.map((cells) => line(padded(cells)))].join('\n')
}
