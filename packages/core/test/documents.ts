import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The pages that people read, for the tests that hold them against the repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

export const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => (folder === '.' ? name : `${folder}/${name}`))

const below = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => `${folder}/${entry.name}`)

/** Every page below docs/. */
export const docsPages: readonly string[] = ['docs', ...below('docs')].flatMap(markdownIn).sort()

/** Those, and the READMEs and pages beside the code. */
export const allPages: readonly string[] = [
  ...markdownIn('.'),
  ...docsPages,
  ...[...below('packages'), ...below('examples'), 'benchmarks', 'lab'].flatMap(markdownIn),
].sort()
