import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { canary, canarySecret } from '../../../../lab/src/canary.ts'
import { leaksIn } from '../../../../lab/src/leak-scan.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function doctor(config: string, ...args: string[]) {
  const file = join(folder, 'holdfast.yaml')
  writeFileSync(file, config)
  let out = ''
  let err = ''
  const code = await run([...args, file], {
    write: (text) => {
      out += text
    },
    writeError: (text) => {
      err += text
    },
    env: {},
    directory: folder,
    importAdapter: async (name) => {
      throw new Error(`${name} is not there, ${canary}`)
    },
  })
  expect(leaksIn('doctor', out + err)).toEqual([])
  return { code, out, err }
}

describe('the doctor', () => {
  it('finds nothing wrong with what is in memory alone', async () => {
    const { code, out } = await doctor('stores: { m: { memory: } }\ncaches: { a: { store: m } }')
    expect(out).toMatch(/0 critical, 0 warnings, 0 notes/)
    expect(code).toBe(0)
  })

  it('refuses wrong arguments and configurations in one line, with the path', async () => {
    expect(await doctor('caches: { a: { memroy: 1 } }')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^holdfast-doctor: .*caches\.a has no option 'memroy'.*\n$/),
    })
    expect((await doctor('', '--jsno')).code).toBe(2)
    expect((await doctor('', '--timeout', '0')).err).toMatch(/--timeout must be/)
    expect((await doctor('', 'another')).code).toBe(2)
    expect((await doctor('', '--help')).out).toMatch(/^holdfast-doctor: is a configuration fit/)
  })

  it('says what to install, and where, when an adapter is not there', async () => {
    const { code, out } = await doctor(
      'stores: { a: { redis: { path: /nowhere } }, b: { disk: { directory: x, maxBytes: 1 } } }',
    )
    expect(code).toBe(1)
    expect(out).toContain(`cannot be loaded from ${folder}`)
    expect(out).toContain('npm install @holdfast/redis ioredis')
    expect(out).toContain('npm install @holdfast/image ')
    expect(out).toMatch(/stores\.a \(\/nowhere\): reachable: .*there is no such socket/)
  })

  it('tells of secrets in the file, of what is off, endless, open or of no use', async () => {
    const { code, out } = await doctor(
      `
stores: { m: { memory: }, unused: { memory: }, e: { encrypted: { store: m, keys: [{ id: a, secret: ${canary} }] } } }
caches:
  off: { store: m, enabled: false }
  endless: { store: m, policies: { 'x:*': { ttl: .inf } } }
sessions: { web: { store: m, secrets: [${canarySecret('web')}], cookie: { secure: false } } }
images: { pictures: { cache: off, origins: ['*'] } }
`,
      '--json',
    )
    expect(code).toBe(1)
    const { findings, version } = JSON.parse(out) as {
      version: number
      findings: { part: string; check: string; level: string }[]
    }
    expect(version).toBe(1)
    const seen = findings.map(({ level, part, check }) => `${level} ${part} ${check}`)
    expect(seen).toEqual(
      expect.arrayContaining([
        'warning stores.e.encrypted.keys[0].secret secret',
        'warning sessions.web.secrets[0] secret',
        'note stores.unused use',
        'warning caches.off enabled',
        'warning caches.endless ttl',
        'warning sessions.web cookie',
        'warning images.pictures origins',
      ]),
    )
  })

  it('counts warnings as problems only where it is told to', async () => {
    const config = 'caches: { a: { enabled: false } }'
    expect((await doctor(config)).code).toBe(0)
    expect((await doctor(config, '--strict')).code).toBe(1)
  })

  it('shows no control characters of a file to a terminal', async () => {
    const { err } = await doctor('"\\e[2J": 1')
    expect(err).toContain('\\u{1b}[2J')
  })
})
