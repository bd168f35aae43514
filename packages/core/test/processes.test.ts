import { describe, expect, it } from 'vitest'
import { runProcess } from './run-process.ts'

const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('in a process of its own', () => {
  it('close with 200 hung loads is done within 5 s, idempotent, and the process exits within 200 ms after', async () => {
    const { code, stdout, stderr } = await runProcess('close-hung.ts')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [closed, exited] = lines(stdout)
    expect(closed.rejected).toBe(200)
    expect(closed.closeMs).toBeLessThan(5_000)
    expect(exited.exitMs).toBeLessThan(200)
  }, 70_000)

  it('a cache that nobody closed keeps the process alive for its loads and not a moment longer', async () => {
    const { code, stdout, stderr } = await runProcess('exit-idle.ts')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [exited] = lines(stdout)
    expect(exited.timedOut).toBe(true)
    expect(exited.restMs).toBeLessThan(2_000)
  }, 70_000)

  it('no failure behind a caller becomes an unhandled rejection, in which the process would end', async () => {
    const { code, stdout, stderr } = await runProcess('failing-refresh.ts')
    expect(stdout.trim()).toBe('survived')
    expect(code).toBe(0)
    // One warning for each kind of failure, and nothing else.
    expect(stderr.match(/HOLDFAST_\w+/g)?.sort()).toEqual(['HOLDFAST_CODEC', 'HOLDFAST_REFRESH'])
  }, 70_000)

  it('1,000,000 distinct keys leave every internal map at its bound, and the heap within the near tier’s plus 20 %', async () => {
    const { code, stdout, stderr } = await runProcess('million-keys.ts', ['--expose-gc'])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [seen] = lines(stdout)
    expect(seen).toMatchObject({ entries: 10_000, flights: 0, loading: 0, scopes: 7 })
    expect(seen.verdicts).toBeLessThanOrEqual(1_000)
    // Of the entries that are kept one in ten or so holds a tag of its own.
    expect(seen.heldTags).toBeLessThanOrEqual(2_000)
    const grown = seen.after - seen.empty
    expect(grown).toBeLessThan(seen.bytes * 1.2)
    expect(grown).toBeLessThan((seen.full - seen.empty) * 1.2)
  }, 70_000)
})
