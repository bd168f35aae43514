/** How bad it is. `ok` = looked at, and fine. */
export type Level = 'critical' | 'warning' | 'note' | 'ok'

/** One thing that was looked at. */
export interface Finding {
  readonly level: Level
  /** The part of the configuration, such as `stores.main`. */
  readonly part: string
  /** The server, as `host:port`, where it is one server's. */
  readonly server?: string | undefined
  /** What was looked at, the same word for every server: `eviction`, `memory` … */
  readonly check: string
  /** In plain words. */
  readonly says: string
  /** What to do about it. Absent where there is nothing to do. */
  readonly advice?: string | undefined
}

/** Takes findings about one place. */
export interface Notes {
  critical(check: string, says: string, advice: string): void
  warning(check: string, says: string, advice: string): void
  note(check: string, says: string, advice?: string): void
  ok(check: string, says: string): void
}

export function notesInto(findings: Finding[], part: string, server?: string): Notes {
  const take =
    (level: Level) =>
    (check: string, says: string, advice?: string): void => {
      findings.push({ level, part, server, check, says, advice })
    }
  return {
    critical: take('critical'),
    warning: take('warning'),
    note: take('note'),
    ok: take('ok'),
  }
}

const units = ['B', 'KB', 'MB', 'GB', 'TB']

/** As the thresholds and the price lists count: 1 KB = 1,000 B. */
export function inBytes(bytes: number): string {
  let unit = 0
  let amount = bytes
  while (amount >= 1_000 && unit < units.length - 1) {
    amount /= 1_000
    unit++
  }
  return `${amount >= 100 || unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`
}

/** A share as it is read: 0.8333 is `83 %`. */
export const inPercent = (share: number): string => `${Math.round(share * 100)} %`
