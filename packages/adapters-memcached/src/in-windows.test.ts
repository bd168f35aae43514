import { describe, expect, test } from 'vitest'
import { inWindows } from './in-windows.ts'

const MiB = 1_024 * 1_024
const always = () => true

/** Runs over values of these sizes; answers how many were under way at once, and how many were tried. */
async function watched(
  sizes: readonly number[],
  fails: (index: number) => boolean = () => false,
  goOn: (errors: readonly unknown[]) => boolean = always,
) {
  let open = 0
  let most = 0
  let mostBytes = 0
  let bytes = 0
  let tried = 0
  const all = sizes.map((size, index) => ({ size, index }))
  const ended = await inWindows(
    all,
    ({ size }) => size,
    async ({ size, index }) => {
      tried++
      most = Math.max(most, ++open)
      bytes += size
      mostBytes = Math.max(mostBytes, bytes)
      await Promise.resolve()
      open--
      bytes -= size
      if (fails(index)) throw new Error(`of ${index}`)
    },
    goOn,
  ).catch(String)
  return { most, mostBytes, tried, ended }
}

describe('many commands of one call', () => {
  test('go out all at once where they fit', async () => {
    expect(await watched(Array(2_048).fill(1))).toMatchObject({ most: 2_048, tried: 2_048 })
    expect(await watched([])).toMatchObject({ tried: 0, ended: undefined })
  })

  test('go out in windows by their number, and by their bytes', async () => {
    expect(await watched(Array(5_000).fill(1))).toMatchObject({ most: 2_048, tried: 5_000 })
    const large = await watched(Array(40).fill(MiB))
    expect(large).toMatchObject({ most: 8, mostBytes: 8 * MiB, tried: 40 })
  })

  test('one that is larger than a window goes out alone', async () => {
    expect(await watched([1, 20 * MiB, 1])).toMatchObject({ most: 1, tried: 3 })
  })

  test('the first error is told, after the others of its window have ended', async () => {
    const fails = (index: number) => index === 3 || index === 5
    expect(await watched(Array(10).fill(1), fails)).toMatchObject({
      tried: 10,
      ended: 'Error: of 3',
    })
  })

  test('whoever is asked between windows may end it, or go on in spite of errors', async () => {
    const fails = (index: number) => index === 3
    const sizes = Array(5_000).fill(1)
    const ended = await watched(sizes, fails, (errors) => errors.length === 0)
    expect(ended).toMatchObject({ tried: 2_048, ended: 'Error: of 3' })
    expect(await watched(sizes, fails)).toMatchObject({ tried: 5_000, ended: 'Error: of 3' })
    const late = await watched(sizes, undefined, () => {
      throw new Error('too late')
    })
    expect(late).toMatchObject({ tried: 2_048, ended: 'Error: too late' })
  })
})
