import { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { afterAll, afterEach, vi } from 'vitest'
import { CacheError } from '../../packages/core/src/errors.ts'
import { describeLeak, leaksIn, scanForLeaks } from './leak-scan.ts'

/**
 * Loaded before every test file. What tests catch themselves never reaches the output that scripts/watched.mjs
 * searches: words of child processes (servers, examples, the doctor), warnings of a mocked process, errors. They are
 * searched here, and the test fails that runs when a secret is found. Nothing is forgotten: no second try hides it.
 */
const leaks = new Set<string>()

watchChildren()
watchMocks()
watchErrors()
afterEach(tell)
afterAll(tell)

function tell(): void {
  if (leaks.size > 0) throw new Error([...leaks].join('\n'))
}

function watchChildren(): void {
  const prototype = ChildProcess.prototype as unknown as {
    spawn(this: ChildProcess, options: { file: string }): unknown
  }
  const { spawn } = prototype
  prototype.spawn = function (options) {
    const result = spawn.call(this, options)
    for (const [name, stream] of Object.entries({ stdout: this.stdout, stderr: this.stderr })) {
      if (stream) watchStream(`${name} of ${options.file}`, stream)
    }
    return result
  }
}

/** Sees what comes in without making the stream flow: when it is read stays its owner's matter. */
function watchStream(source: string, stream: Readable): void {
  const scan = scanForLeaks(source, (leak) => leaks.add(describeLeak(leak)))
  const push = stream.push.bind(stream)
  stream.push = (chunk, encoding) => {
    if (chunk === null) scan.end()
    else scan.write(chunk)
    return push(chunk, encoding)
  }
}

/** A test that puts its own function in the place of `process.emitWarning` or `console.log` still prints no secret. */
function watchMocks(): void {
  const printing: unknown[] = [process, console, process.stdout, process.stderr]
  const spyOn = vi.spyOn.bind(vi) as (
    object: object,
    ...rest: unknown[]
  ) => ReturnType<typeof vi.fn>
  vi.spyOn = ((object: object, ...rest: unknown[]) => {
    const spy = spyOn(object, ...rest)
    if (!printing.includes(object)) return spy
    const mock = spy.mockImplementation.bind(spy)
    spy.mockImplementation = (replacement) =>
      mock((...args: unknown[]) => {
        for (const leak of leaksIn(String(rest[0]), inspect(args, { depth: 6 })))
          leaks.add(describeLeak(leak))
        return (replacement as (...args: unknown[]) => unknown)(...args)
      })
    return spy
  }) as typeof vi.spyOn
}

/** Words that hold no secret. A storm of errors says the same ones. */
const harmless = new Set<string>()

/** Every error of Holdfast that the packages' own code makes: its message, and the foreign error that it passes on. */
function watchErrors(): void {
  const base = Object.getPrototypeOf(CacheError) as ErrorConstructor
  const watching = new Proxy(base, {
    construct(target, args: [message?: string, details?: ErrorOptions], kind) {
      const error = Reflect.construct(target, args, kind) as Error
      const words = `${error.message}${foreignWords(args[1]?.cause)}`
      if (harmless.has(words)) return error
      const found = leaksIn(kind.name, words)
      if (found.length === 0) {
        if (harmless.size >= 10_000) harmless.clear()
        harmless.add(words)
      } else if (isMadeByPackages(error)) {
        const made = framesOf(error).slice(0, 5).join('\n    ')
        for (const leak of found) leaks.add(`${describeLeak(leak)}\n    ${made}`)
      }
      return error
    },
  })
  Object.setPrototypeOf(CacheError, watching)
}

/** Of so many causes in a test file: to look at one costs more than to make it, and a storm of them says the same. */
let causesLeft = 1_000

/** All that a dump of a library's error would show. Those that a test made up hold secrets on purpose. */
function foreignWords(cause: unknown): string {
  if (!(cause instanceof Error) || cause instanceof CacheError || causesLeft-- <= 0) return ''
  if (!framesOf(cause)[0]?.includes('/node_modules/')) return ''
  return `\n${inspect(cause, { depth: 6, showHidden: true })}`
}

function isMadeByPackages(error: Error): boolean {
  const maker = framesOf(error).find((frame) => !/^(?:new |Object\.construct)/.test(frame)) ?? ''
  return /\/packages\/[^/]+\/src\/(?!testing\/)/.test(maker) && !maker.includes('.test.ts')
}

const framesOf = (error: Error): string[] => error.stack?.split('\n    at ').slice(1) ?? []
