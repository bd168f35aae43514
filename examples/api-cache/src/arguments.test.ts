import { expect, test } from 'vitest'
import { readArguments } from './arguments.ts'

test('without arguments the demo is whole, with the usual seed', () => {
  expect(readArguments([])).toEqual({ seed: 42, quick: false, help: false })
})

test('arguments are taken', () => {
  expect(readArguments(['--seed', '7', '--quick'])).toEqual({ seed: 7, quick: true, help: false })
})

test.for([[['--seed', 'x']], [['--seed', '-1']], [['--sed', '1']], [['quick']]])(
  '%j is refused',
  ([args]) => {
    expect(() => readArguments(args ?? [])).toThrow()
  },
)
