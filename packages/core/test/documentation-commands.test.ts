import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config/read-config.ts'
import { allPages, root, textOf } from './documents.ts'

/** What pages tell their readers to type: commands, configurations, versions. */

interface Manifest {
  readonly name: string
  readonly packageManager: string
  readonly engines: { readonly node: string }
  readonly scripts?: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}
const manifestIn = (folder: string) => JSON.parse(textOf(join(folder, 'package.json'))) as Manifest

const project = manifestIn('.')
const scripts = new Map(
  ['packages', 'examples']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .concat('benchmarks', 'lab')
    .map(manifestIn)
    .map((manifest) => [manifest.name, Object.keys(manifest.scripts ?? {})]),
)

/** What stands in code on a page, be it a block or within a line. */
const codeOf = (path: string) =>
  [...textOf(path).matchAll(/^```.*?^```$|`[^`\n]+`/gms)].map(([code]) => code).join('\n')

/** Commands of pnpm: its version where one is given, the package it is for, and the first word. */
const commands = (path: string) => [
  ...codeOf(path).matchAll(
    /\bpnpm(?:@([\d.]+))? (?:--filter ([@\w/-]+) )?(?:run )?([a-z][\w:-]*)/g,
  ),
]

/** What pnpm does by itself. */
const ownCommands = ['exec', 'install', 'pack']

const pages = allPages.filter((path) => commands(path).length > 0)

test('the test command, the demo and an example are among the commands', () => {
  expect(pages).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'examples/api-cache/README.md']),
  )
})

test.for(pages)('the commands of %s exist, for the one version of pnpm', (path) => {
  for (const [whole, version, name, script] of commands(path)) {
    if (version !== undefined) expect(`pnpm@${version}`).toBe(project.packageManager)
    const known =
      name === undefined
        ? [...ownCommands, ...Object.keys(project.scripts ?? {})]
        : (scripts.get(name) ?? [])
    expect(known, whole).toContain(script)
  }
})

describe('the configurations', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-configurations-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const configurations = allPages.flatMap((path) =>
    [...textOf(path).matchAll(/^```yaml\n(.*?)^```$/gms)].map(
      ([, text = ''], index) => [path, index + 1, text] as const,
    ),
  )

  test('there are some', () => {
    expect(configurations.length).toBeGreaterThan(1)
  })

  test.for(configurations)('of %s (number %i) are accepted', async ([path, index, text]) => {
    const file = join(folder, `${path.replace(/\W/g, '-')}-${index}.yaml`)
    writeFileSync(file, text)
    // A secret has to be there, whatever it is called.
    const names = [...text.matchAll(/env:(\w+)/g)].map(([, name = '']) => name)
    const env = Object.fromEntries(names.map((name) => [name, 'x'.repeat(32)]))
    expect(Object.keys(await readConfig({ file, env })).length).toBeGreaterThan(0)
  })
})

describe('the versions that are called supported', () => {
  /** The cells of the row that begins so. */
  const row = (what: string) =>
    textOf('docs/versioning.md')
      .split('\n')
      .find((line) => line.startsWith(`| ${what} `))
      ?.split('|')
      .map((cell) => cell.trim()) ?? []
  const minor = (version: string | undefined) => /\d+\.\d+/.exec(version ?? '')?.[0]

  test('of Node are those that every change is run on', () => {
    const [, list = ''] =
      /matrix:\s+node: \[("20[^\]]+)\]/.exec(textOf('.github/workflows/ci.yml')) ?? []
    expect(row('Node')[2]).toContain(list.replaceAll('"', ''))
    expect(project.engines.node).toBe('>=20.19')
  })

  test('of ioredis and sharp are those of the manifests', () => {
    const redis = manifestIn('packages/adapters-redis')
    const image = manifestIn('packages/image')
    expect(redis.peerDependencies.ioredis).toBe('^5.4.0 || ^6.0.0')
    expect(row('ioredis').slice(2, 4)).toEqual([
      `${minor(redis.devDependencies.ioredis5?.replace('npm:ioredis@', ''))}, ${minor(redis.devDependencies.ioredis)}`,
      '5.4 to 6',
    ])
    expect(row('sharp (optional)').slice(2, 4)).toEqual([
      minor(image.devDependencies.sharp),
      `${minor(image.peerDependencies.sharp)} and later`,
    ])
  })
})
