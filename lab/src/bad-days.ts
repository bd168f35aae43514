import type { PrimaryChange } from './primary-changes.ts'

/** One thing of a bad day. The next one begins when it is done. */
export type Step =
  | { readonly waitMs: number }
  /** The primary's replicas stop following it. Its clients do not notice, and what it acknowledges is lost with it. */
  | { readonly cut: 'replicas' }
  /** The primary is replaced; done when a replica says that it is the primary now. */
  | { readonly primary: PrimaryChange }
  /** The primary's slots that hold anything go to another primary, a few keys at a time. */
  | { readonly move: 'slots in use' }
  /** The primary answers nothing any more, and nobody takes its place. */
  | { readonly node: 'hung' }
  /** What the primary tells its replica comes so much later. */
  | { readonly replicaBehindMs: number }
  /** What the service does at this point. The test brings it along, under this name. */
  | { readonly service: string }

/** What happens to which servers, and in which order. */
export interface BadDay {
  readonly title: string
  readonly steps: readonly Step[]
}

/**
 * The bad days of Redis with more than one server. Tests play them (`play-bad-day.ts`) and begin their names with the
 * title; docs/guarantees.md says for each what is promised, and a test holds the three against each other. What
 * happens on the way of single replies is in `fault-scenarios.ts`.
 */
export const badDays = {
  primaryKilled: {
    title: 'the primary is killed after it lost its replicas',
    steps: [
      { waitMs: 500 },
      { cut: 'replicas' },
      // Acknowledged, and nobody who will be promoted knows of it.
      { service: 'delete' },
      { primary: 'killed' },
      { waitMs: 6_000 },
    ],
  },
  primaryStopped: {
    title: 'the primary is stopped',
    steps: [{ waitMs: 500 }, { primary: 'stopped' }, { waitMs: 2_500 }],
  },
  primaryPlanned: {
    title: 'the primary is replaced as for maintenance',
    steps: [{ waitMs: 500 }, { primary: 'planned' }, { waitMs: 3_000 }],
  },
  primaryKilledInLoad: {
    title: 'the primary is killed while keys are being loaded',
    steps: [
      { service: 'load' },
      { service: 'wait for the load elsewhere' },
      // What was claimed is known to the replicas; what is deleted now is not, so the claim comes back with them.
      { waitMs: 300 },
      { cut: 'replicas' },
      { service: 'delete' },
      { primary: 'killed' },
      { service: 'end one load' },
      // By then every delete of the last minute is effective, and the other load comes late.
      { waitMs: 5_000 },
      { service: 'end the other load' },
    ],
  },
  primaryPlannedInLoad: {
    title: 'the primary is replaced as for maintenance while a key is being loaded',
    steps: [
      { service: 'load' },
      { service: 'wait for the load elsewhere' },
      { primary: 'planned' },
      { service: 'end the load' },
    ],
  },
  slotsMove: {
    title: 'slots move under load',
    steps: [{ move: 'slots in use' }],
  },
  nodeHung: {
    title: 'one node of three is hung',
    steps: [{ node: 'hung' }, { service: 'ask' }],
  },
  replicaBehind: {
    title: 'a replica is 3 s behind',
    steps: [{ waitMs: 1_500 }, { replicaBehindMs: 3_000 }, { waitMs: 5_000 }],
  },
  keysRotated: {
    title: 'encryption keys are rotated under load, process after process',
    steps: [
      { service: 'read with the new key too' },
      { waitMs: 200 },
      { service: 'write with the new key' },
      { waitMs: 200 },
      { service: 'drop the old key' },
    ],
  },
} as const satisfies Record<string, BadDay>

/**
 * What a node that lies answers instead of an error of its own. `{slot}` is the slot that was asked for, `{other}`
 * another one, `{port}` a port where somebody listens who is no node.
 */
export const falseRedirections = {
  'a foreign address': 'MOVED {slot} 127.0.0.1:{port}',
  'a foreign name': 'MOVED {slot} localhost:{port}',
  'a foreign address to ASK': 'ASK {slot} 127.0.0.1:{port}',
  'another slot': 'MOVED {other} 127.0.0.1:{port}',
  'a slot that is none': 'MOVED __proto__ 127.0.0.1:{port}',
  'a slot beyond the last': 'MOVED 16384 127.0.0.1:{port}',
  'a port that is none': 'MOVED {slot} 127.0.0.1:99999',
  nothing: 'MOVED {slot} __proto__',
} as const satisfies Record<string, string>
