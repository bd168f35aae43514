import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { allPages, docsPages, root, textOf } from './documents.ts'

/** No link of any page is dead, and no page is left where nobody finds it. */

/** What is code is no link. */
const prose = (text: string) => text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '``')

/** Targets of links and pictures, but those on other hosts. */
const targetsOf = (path: string): string[] =>
  [...prose(textOf(path)).matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^\w+:/.test(target))

test('every kind of page is looked at', () => {
  expect(allPages).toEqual(
    expect.arrayContaining([
      'README.md',
      'SECURITY.md',
      'docs/README.md',
      'docs/guides/sessions.md',
      'docs/decisions/0001-esm-only.md',
      'packages/image/README.md',
      'examples/image-service/README.md',
      'benchmarks/method.md',
    ]),
  )
})

test.for(allPages)('the links of %s lead somewhere, down to the heading', (path) => {
  const leadsNowhere = targetsOf(path).filter((target) => {
    const [file = '', heading] = target.split('#')
    const there = file === '' ? join(root, path) : join(root, path, '..', decodeURI(file))
    return !existsSync(there) || (heading !== undefined && !anchors(there).has(heading))
  })
  expect(leadsNowhere).toEqual([])
})

test('every page below docs is in the list of all pages, by itself or with its folder', () => {
  const listed = new Set(
    targetsOf('docs/README.md').map((target) => join('docs', target.split('#')[0] ?? '')),
  )
  expect(
    docsPages.filter(
      (path) => path !== 'docs/README.md' && !listed.has(path) && !listed.has(dirname(path)),
    ),
  ).toEqual([])
})

test('every example is on the front page', () => {
  const linked = targetsOf('README.md')
  const examples = allPages.filter((path) => path.startsWith('examples/'))
  expect(examples.length).toBeGreaterThan(10)
  expect(examples.filter((path) => !linked.includes(path))).toEqual([])
})

const namedFile = /`((?:packages|examples|scripts|smoke|lab|benchmarks|docs)\/[\w./-]+\.\w+)`/g

test.for(allPages)('the files that %s names are there', (path) => {
  const named = [...textOf(path).matchAll(namedFile)].map(([, file = '']) => file)
  // What a page tells its reader to run lies at the root, or beside the page.
  const isThere = (file: string) =>
    existsSync(join(root, file)) || existsSync(join(root, path, '..', file))
  expect(named.filter((file) => !isThere(file))).toEqual([])
})

/** The headings of a page, as GitHub names them: a second one of the same text gets a number. */
function anchors(place: string): Set<string> {
  // Of a folder GitHub shows the README.
  const file = statSync(place).isDirectory() ? join(place, 'README.md') : place
  const seen = new Map<string, number>()
  const found = new Set<string>()
  const text = readFileSync(file, 'utf8').replace(/^```.*?^```$/gms, '')
  for (const [, title = ''] of text.matchAll(/^#+ (.+)$/gm)) {
    const slug = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    found.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return found
}
