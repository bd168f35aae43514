import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { thresholds } from '../health/thresholds.ts'
import { alertRules } from './health-rules.ts'
import { histograms, metrics, prometheusName } from './metrics-table.ts'
import { alertsYaml, dashboardJson } from './rule-files.ts'

const docs = new URL('../../../../docs/', import.meta.url)
const committed = (path: string) => readFileSync(new URL(path, docs), 'utf8')

test('the committed alert rules and dashboard are those that the thresholds make', () => {
  const due = 'run node --conditions=holdfast-source scripts/health-files.mjs'
  expect(committed('alerts/holdfast.rules.yml'), due).toBe(alertsYaml())
  expect(JSON.parse(committed('alerts/holdfast.dashboard.json')), due).toEqual(
    JSON.parse(dashboardJson()),
  )
})

test('there are two alerts for each check: a warning for the chat, and one that pages', () => {
  const rules = alertRules()
  expect(rules).toHaveLength(2 * Object.keys(thresholds).length)
  expect(
    rules.filter(({ alert }) => alert.endsWith('Critical')).map(({ severity }) => severity),
  ).toEqual(Object.keys(thresholds).map(() => 'page'))
  expect(rules.find(({ alert }) => alert === 'HoldfastEvictionsPerMinCritical')).toMatchObject({
    expr: 'max by (cache, server) (increase(holdfast_server_evictions_total[5m])) / 5 > 1000',
    for: '5m',
    severity: 'page',
  })
})

test('each alert names a page section that says what to do', () => {
  const headings = [...committed('operations.md').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
  for (const { runbook } of alertRules()) expect(headings).toContain(runbook)
})

test('the page of operations has every metric and every threshold, and no other', () => {
  const page = committed('operations.md')
  const rows = [...page.matchAll(/^\| `((?:holdfast|db)_\w+)` *\| `([\w.]+)` *\| (\w+) *\|/gm)].map(
    (row) => row.slice(1),
  )
  const expected = [
    ...Object.values(metrics).map((each) => [prometheusName(each), each.name, each.kind]),
    ...Object.values(histograms).map((each) => [prometheusName(each), each.name, 'histogram']),
  ]
  expect(rows).toEqual(expected)
  const checks = [...page.matchAll(/^\| `(\w+)` *\| ([\d.,]+) *\| ([\d.,]+) *\|/gm)].map(
    ([, name, warn, critical]) => [
      name,
      { warn: Number(warn?.replaceAll(',', '')), critical: Number(critical?.replaceAll(',', '')) },
    ],
  )
  expect(Object.fromEntries(checks)).toEqual(thresholds)
})
