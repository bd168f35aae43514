import type { Finding, Level } from './finding.ts'

const marks: Readonly<Record<Level, string>> = {
  critical: 'CRITICAL',
  warning: 'warning ',
  note: 'note    ',
  ok: 'ok      ',
}
const levels = Object.keys(marks) as Level[]

export type Counts = Readonly<Record<Level, number>>

export const countsOf = (findings: readonly Finding[]): Counts =>
  Object.fromEntries(
    levels.map((level) => [level, findings.filter((each) => each.level === level).length]),
  ) as Counts

/** The worst first, then by the part of the configuration. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const placeOf = ({ part, server = '', check }: Finding) => `${part} ${server} ${check}`
  return [...findings].sort(
    (a, b) =>
      levels.indexOf(a.level) - levels.indexOf(b.level) ||
      (placeOf(a) < placeOf(b) ? -1 : placeOf(a) > placeOf(b) ? 1 : 0),
  )
}

/** For people. */
export function textReport(findings: readonly Finding[]): string {
  const lines = sorted(findings).map(({ level, part, server, check, says, advice }) => {
    const place = server === undefined ? part : `${part} (${server})`
    return `${marks[level]}  ${place}: ${check}: ${says}\n${advice === undefined ? '' : `          -> ${advice}\n`}`
  })
  const { critical, warning, note, ok } = countsOf(findings)
  return `${lines.join('')}\n${critical} critical, ${warning} warnings, ${note} notes, ${ok} fine\n`
}

/** For programs. */
export const jsonReport = (findings: readonly Finding[]): string =>
  `${JSON.stringify({ version: 1, counts: countsOf(findings), findings: sorted(findings) }, undefined, 2)}\n`
