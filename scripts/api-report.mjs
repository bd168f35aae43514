// One API report per published entry, committed as packages/*/etc/*.api.md: a change of the public
// surface is then a visible diff. With --write the reports are renewed, without it a stale one fails.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'
import { publishedPackages, root } from './packages.mjs'

const write = process.argv.includes('--write')
const symbolIn = (text) => text.match(/"([^"]+)"/)?.[1] ?? text
const exportsIn = (report) =>
  [
    ...report.matchAll(/^export (?:abstract )?(?:class|const|function|interface|let|type) (\w+)/gm),
  ].map(([, name]) => name)
const constantsIn = (dist) =>
  new Set(
    readdirSync(dist)
      .filter((name) => name.endsWith('.d.ts'))
      .flatMap((name) => [
        ...readFileSync(join(dist, name), 'utf8').matchAll(/^declare const (\w+)/gm),
      ])
      .map(([, name]) => name),
  )
let failed = false
const fail = (message) => {
  failed = true
  console.error(`api-report: ${message}`)
}

for (const { folder, entries } of publishedPackages()) {
  const reports = join(folder, 'etc')
  mkdirSync(reports, { recursive: true })
  const expected = new Set()
  const forgotten = new Map()
  const exported = new Set()
  for (const { id, types } of entries) {
    if (!existsSync(types)) {
      fail(`${relative(root, types)} is missing: run \`pnpm build\` first`)
      continue
    }
    const reportName = `${id.replace('@holdfast/', '').replaceAll('/', '.')}.api.md`
    expected.add(reportName)
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(folder, 'package.json'),
      configObject: {
        projectFolder: folder,
        mainEntryPointFilePath: types,
        newlineKind: 'lf',
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              target: 'ES2022',
              lib: ['ES2023', 'ESNext.Disposable'],
              module: 'ESNext',
              moduleResolution: 'bundler',
              types: ['node'],
              strict: true,
              skipLibCheck: true,
            },
            files: [types],
          },
        },
        apiReport: {
          enabled: true,
          reportFileName: reportName,
          reportFolder: reports,
          reportTempFolder: join(root, 'coverage', 'api'),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          compilerMessageReporting: { default: { logLevel: 'error' } },
          extractorMessageReporting: {
            default: { logLevel: 'warning' },
            'ae-undocumented': { logLevel: 'none' },
            // Everything exported here is public; there are no release tags to forget.
            'ae-missing-release-tag': { logLevel: 'none' },
          },
          // Prose follows house style, not every rule of TSDoc.
          tsdocMessageReporting: { default: { logLevel: 'none' } },
        },
      },
    })
    const result = Extractor.invoke(config, {
      localBuild: write,
      messageCallback: (message) => {
        if (message.messageId === 'ae-forgotten-export') forgotten.set(symbolIn(message.text), id)
        else if (message.logLevel === 'error') fail(`${id}: ${message.text}`)
        message.handled = true
      },
    })
    if (result.apiReportChanged && !write) {
      fail(`${relative(root, join(reports, reportName))} is stale: run \`pnpm api\` and commit it`)
    }
    for (const name of exportsIn(readFileSync(config.reportTempFilePath, 'utf8')))
      exported.add(name)
  }
  // A type that another entry of the package exports can be named by users all the same, and a
  // constant that a type is derived from need not be named.
  const constants = constantsIn(join(folder, 'dist'))
  for (const [symbol, id] of forgotten) {
    if (!exported.has(symbol) && !constants.has(symbol))
      fail(`${id} uses ${symbol}, which no entry of the package exports`)
  }
  for (const name of readdirSync(reports)) {
    if (!name.endsWith('.api.md') || expected.has(name)) continue
    if (write) rmSync(join(reports, name))
    else
      fail(`${relative(root, join(reports, name))} reports an entry that is gone: run \`pnpm api\``)
  }
}

if (failed) process.exit(1)
console.log(`api-report: ${write ? 'written' : 'up to date'}`)
