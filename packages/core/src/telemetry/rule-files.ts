import { type HealthCheckName, isBelow, thresholds } from '../health/thresholds.ts'
import { alertRules, checkQueries } from './health-rules.ts'
import { histograms, metrics, prometheusLabel, prometheusName } from './metrics-table.ts'

/** What both files begin with: nobody should change them by hand. */
const made =
  'Made from the thresholds of health() by scripts/health-files.mjs; change those, not this.'

/** The alert rules, as a rule file of Prometheus. */
export function alertsYaml(): string {
  const lines = [`# ${made}`, 'groups:', '  - name: holdfast', '    rules:']
  for (const { alert, expr, for: hold, severity, summary, runbook } of alertRules()) {
    lines.push(
      `      - alert: ${alert}`,
      `        expr: ${quoted(expr)}`,
      `        for: ${hold}`,
      '        labels:',
      `          severity: ${severity}`,
      '        annotations:',
      `          summary: ${quoted(summary)}`,
      `          runbook: docs/operations.md#${runbook}`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** As YAML 1.2 quotes it, 7.3: plainly where it needs no escapes, as this repository's formatter has it. */
const quoted = (text: string) =>
  text.includes('"') ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text)

interface Panel {
  readonly title: string
  readonly unit: string
  readonly targets: readonly { readonly expr: string; readonly legend: string }[]
  readonly steps?: readonly { readonly color: string; readonly value: number | null }[]
}

/** The dashboard, as Grafana imports it. */
export function dashboardJson(): string {
  const panels = [
    ...trafficPanels(),
    ...(Object.keys(thresholds) as HealthCheckName[]).map(checkPanel),
  ]
  const dashboard = {
    title: 'Holdfast',
    description: made,
    uid: 'holdfast',
    schemaVersion: 39,
    tags: ['holdfast'],
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    templating: {
      list: [
        { name: 'source', type: 'datasource', query: 'prometheus', label: 'Data source' },
        {
          name: 'cache',
          type: 'query',
          label: 'Cache',
          datasource: { type: 'prometheus', uid: '$source' },
          query: `label_values(${prometheusName(metrics.requests)}, cache)`,
          multi: true,
          includeAll: true,
        },
      ],
    },
    panels: panels.map(grafanaPanel),
  }
  return `${JSON.stringify(dashboard, undefined, 2)}\n`
}

function trafficPanels(): readonly Panel[] {
  const perSecond = (id: keyof typeof metrics, by: string) => ({
    expr: `sum by (${by}) (rate(${prometheusName(metrics[id])}{cache=~"$cache"}[5m]))`,
    legend: by
      .split(', ')
      .map((label) => `{{${label}}}`)
      .join(' '),
  })
  const quantile = (id: keyof typeof histograms, share: number, label?: string) => ({
    expr: `histogram_quantile(${share}, sum by (${['le', 'cache', ...(label === undefined ? [] : [label])].join(', ')}) (rate(${prometheusName(histograms[id])}_bucket{cache=~"$cache"}[5m])))`,
    legend: `{{cache}} ${label === undefined ? '' : `{{${label}}} `}p${share * 100}`,
  })
  return [
    { title: 'Requests', unit: 'reqps', targets: [perSecond('requests', 'cache, outcome')] },
    {
      title: 'Loads',
      unit: 'ops',
      targets: [perSecond('loads', 'cache'), perSecond('loadFailures', 'cache, reason')],
    },
    { title: 'Stampedes avoided', unit: 'ops', targets: [perSecond('coalesced', 'cache')] },
    {
      title: 'Duration of loads',
      unit: 's',
      targets: [quantile('loads', 0.5), quantile('loads', 0.99)],
    },
    {
      title: 'Duration of calls that memory did not answer',
      unit: 's',
      targets: [quantile('requests', 0.5), quantile('requests', 0.99)],
    },
    { title: 'Errors of the store', unit: 'ops', targets: [perSecond('storeErrors', 'cache')] },
    {
      title: 'Operations of the store, 99 of 100 within',
      unit: 's',
      targets: [quantile('command', 0.99, prometheusLabel('db.operation.name'))],
    },
    {
      title: 'Waits for another process that loads the key',
      unit: 's',
      targets: [quantile('claimWait', 0.5), quantile('claimWait', 0.99)],
    },
    { title: 'Way of a message on the bus', unit: 's', targets: [quantile('busLag', 0.99)] },
    {
      title: 'Servers of several, by whether they are used',
      unit: 'short',
      targets: [
        {
          expr: `max by (cache, state) (${prometheusName(metrics.ringNodes)}{cache=~"$cache"})`,
          legend: '{{cache}} {{state}}',
        },
      ],
    },
    {
      title: 'Sessions',
      unit: 'ops',
      targets: [
        {
          expr: `sum by (sessions, event) (rate(${prometheusName(metrics.sessionEvents)}[5m]))`,
          legend: '{{sessions}} {{event}}',
        },
      ],
    },
    {
      title: 'Images that were refused',
      unit: 'ops',
      targets: [perSecond('imageBlocked', 'cache, reason')],
    },
  ]
}

function checkPanel(check: HealthCheckName): Panel {
  const { title, measure, unit } = checkQueries[check]
  const { warn, critical } = thresholds[check]
  const own = measure.includes('{check=')
  const [first, second] = own ? [1, 2] : [warn, critical]
  const steps = isBelow(check)
    ? [
        { color: 'red', value: null },
        { color: 'orange', value: second },
        { color: 'green', value: first },
      ]
    : [
        { color: 'green', value: null },
        { color: 'orange', value: first },
        { color: 'red', value: second },
      ]
  const legend = measure.includes('server') ? '{{cache}} {{server}}' : '{{cache}}'
  return { title, unit, targets: [{ expr: measure, legend }], steps }
}

function grafanaPanel({ title, unit, targets, steps }: Panel, index: number): object {
  const datasource = { type: 'prometheus', uid: '$source' }
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    datasource,
    gridPos: { h: 8, w: 8, x: (index % 3) * 8, y: Math.floor(index / 3) * 8 },
    targets: targets.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(steps === undefined
          ? {}
          : {
              thresholds: { mode: 'absolute', steps },
              custom: { thresholdsStyle: { mode: 'line' } },
            }),
      },
      overrides: [],
    },
  }
}
