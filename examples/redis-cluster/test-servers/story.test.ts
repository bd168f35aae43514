import { expect, test } from 'vitest'
import { products, tell } from '../src/story.ts'

test('a cache over a cluster uses all nodes, outlives one of them, and is cleared by one key', async () => {
  const lines: string[] = []
  const told = await tell((line) => lines.push(line), {
    commandTimeout: 3_000,
    storeTimeout: 2_000,
  })
  expect(told).toMatchObject({
    nodes: 3,
    loadsWhenCold: products,
    loadsWhenWarm: 0,
    answersWhileOneIsOut: products,
    oldAfterClear: 0,
  })
  expect(told.fewestOnANode).toBeGreaterThan(products / 6)
  expect(told.loadsWhileOneIsOut).toBeGreaterThan(0)
  expect(told.loadsWhileOneIsOut).toBeLessThan(products)
  expect(lines).toHaveLength(5)
})
