import type { Seen } from './seen.ts'

/** What `results/behaviour.json` holds: for each row what each library was seen to do, and with what it was seen. */
export interface BehaviourResults {
  readonly date: string
  readonly node: string
  readonly libraries: readonly {
    readonly name: string
    readonly title: string
    readonly version: string
    readonly call: string
    readonly setUp: string
  }[]
  /** By row, then by the library's name. */
  readonly seen: Readonly<Record<string, Readonly<Record<string, Seen>>>>
}
