import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { anchorOf, page, readmeWithTable } from './page.ts'
import { pagePath, readmePath, resultsPath } from './paths.ts'
import type { BehaviourResults } from './results.ts'
import { rows } from './rows.ts'

const results = JSON.parse(readFileSync(resultsPath, 'utf8')) as BehaviourResults
const published = readFileSync(pagePath, 'utf8')

test('the published page is the one that the committed results make', () => {
  expect(published).toBe(page(results))
})

test('the table of the README is the one that the committed results make', () => {
  const readme = readFileSync(readmePath, 'utf8')
  expect(readme).toBe(readmeWithTable(readme, results))
})

test('the versions of the others on the page are those that are installed', () => {
  for (const { name, version } of results.libraries) {
    // A release raises our own; what it does is held by its own tests.
    if (name === '@holdfast/core') continue
    const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
    const installed = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
    expect(`${name} ${installed}`).toBe(`${name} ${version}`)
  }
})

describe('every link', () => {
  const targets = [...published.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)

  test('to a row has a heading there', () => {
    const anchors = new Set(rows.map(anchorOf))
    const inside = targets
      .filter((target) => target.startsWith('#'))
      .map((target) => target.slice(1))
    expect(inside.length).toBeGreaterThan(rows.length)
    expect(inside.filter((anchor) => !anchors.has(anchor))).toEqual([])
  })

  test('to a file of ours has that file, and its heading there', () => {
    const wrong = targets
      .filter((target) => !target.startsWith('#') && !target.includes('://'))
      .filter((target) => {
        const [path = '', anchor] = target.split('#')
        const file = fileURLToPath(new URL(path, pagePath))
        if (!existsSync(file)) return true
        return anchor !== undefined && !headingsOf(readFileSync(file, 'utf8')).has(anchor)
      })
    expect(wrong).toEqual([])
  })

  function headingsOf(markdown: string): Set<string> {
    const titles = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title)
    return new Set(titles.map((title) => anchorOf({ title })))
  }
})
