import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { openScreen } from './screen.ts'

const progress = { ofMs: 8_000, answers: 1_200, callsWithout: 600, callsCached: 200 }

/** What two reports, two seconds apart, look like on a screen. */
function shown(terminal: boolean, env: NodeJS.ProcessEnv): string {
  const out = Object.assign(new PassThrough(), { isTTY: terminal, columns: 80 })
  const screen = openScreen(out as unknown as NodeJS.WriteStream, env)
  const act = screen.follow('1/3 ordinary traffic')
  act.onProgress({ ...progress, atMs: 100 })
  act.onProgress({ ...progress, atMs: 2_100 })
  act.done()
  return String(out.read() ?? '')
}

test('on a terminal one line moves', () => {
  const text = shown(true, {})
  expect(text).not.toContain('\n')
  expect(text.split('\r').length).toBeGreaterThan(3)
  expect(text).toContain('1,200 answers, origin 600 → 200')
})

test.for([
  ['without a terminal', false, {}],
  ['in CI', true, { CI: 'true' }],
  ['on a dumb terminal', true, { TERM: 'dumb' }],
] as const)('%s lines stay, one every two seconds', ([, terminal, env]) => {
  const text = shown(terminal, env)
  for (const moving of ['\r', '\u001b']) expect(text).not.toContain(moving)
  expect(text.trimEnd().split('\n')).toEqual([
    '1/3 ordinary traffic',
    '   2 s, 1,200 answers, origin 600 → 200',
  ])
})
