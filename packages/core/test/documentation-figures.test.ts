import { expect, test } from 'vitest'
import { textOf } from './documents.ts'

/** The figures of the front page, which are copied by hand, held against the generated pages that they lead to. */

/** A run differs from the next by so much; past it the front page has to be written anew. */
const tolerance = 0.25

const figures = /^## In figures$(.*?)^## /ms.exec(textOf('README.md'))?.[1] ?? ''
const bullets = [...figures.matchAll(/^- \*\*(.+?)\*\*(.*) \[[^\]]+\]\((.+?)\)$/gm)].map(
  ([, what = '', text = '', page = '']) => ({ what, text, page }),
)
const ratios = (text: string) => [...text.matchAll(/([\d.]+) ×/g)].map(([, ratio]) => Number(ratio))

/** The third column of the table of targets: what was measured. */
function measuredOn(page: string): number[] {
  const targets = /^## Targets$(.*?)^## /ms.exec(textOf(page))?.[1] ?? ''
  return [...targets.matchAll(/^\|.*\|.*\|(.*)\|.*\|$/gm)].flatMap(([, cell = '']) => ratios(cell))
}

test('the front page has figures, each with a page that was generated', () => {
  expect(bullets.length).toBeGreaterThanOrEqual(5)
  for (const { page } of bullets)
    expect(textOf(page)).toMatch(/^Generated from `benchmarks\/results\//m)
})

test.for(bullets)('what the front page says of $what was measured', ({ text, page }) => {
  const measured = measuredOn(page)
  const told = ratios(text)
  expect(told.length).toBeGreaterThan(0)
  for (const ratio of told) {
    const nearest = Math.min(...measured.map((each) => Math.abs(each - ratio) / each))
    expect(nearest, `${ratio} × is not on ${page}`).toBeLessThan(tolerance)
  }
})
