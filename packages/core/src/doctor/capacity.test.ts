import { describe, expect, it } from 'vitest'
import { checkCapacity } from './capacity.ts'
import { type Finding, notesInto } from './finding.ts'

const year = (objects: number, measured: number | undefined = undefined, copies = 1) => {
  const findings: Finding[] = []
  const capacity = { objects, objectBytes: 5_000 }
  checkCapacity(notesInto(findings, 'stores.api'), capacity, measured, copies)
  return findings[0]!
}

describe('the plan of the reference architecture, three nodes of 12 GB', () => {
  it('fits today, passes the warning in year 1 with 83 %, and does not fit in year 2', () => {
    expect(year(2_000_000, 36e9)).toMatchObject({
      level: 'ok',
      says: expect.stringMatching(/28 %/),
    })
    expect(year(6_000_000, 36e9)).toMatchObject({
      level: 'warning',
      says: '6,000,000 entries of 5.0 KB are 30.0 GB of 36.0 GB, 83 %',
      advice: expect.stringMatching(/^have 42\.9 GB in all/),
    })
    expect(year(12_000_000, 36e9)).toMatchObject({
      level: 'critical',
      says: expect.stringMatching(/167 %/),
    })
  })

  it('warns past 70 % and is critical past 85 %, not at them', () => {
    expect(year(7_000, 50e6).level).toBe('ok')
    expect(year(7_001, 50e6).level).toBe('warning')
    expect(year(8_500, 50e6).level).toBe('warning')
    expect(year(8_501, 50e6).level).toBe('critical')
  })

  it('counts replicas, and says where nothing is known', () => {
    expect(year(4_000, 50e6, 2).level).toBe('warning')
    expect(year(1)).toMatchObject({ level: 'note', advice: expect.stringMatching(/limitBytes/) })
  })
})
