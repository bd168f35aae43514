import { Latency, type LatencySummary } from './latency.ts'

/** What one server did, under twemproxy's names for the same, and how long it took. Bytes are those of keys and values. */
export interface ServerStats {
  readonly weight: number
  /** `out`: nothing is sent to it but probes. */
  readonly state: 'in' | 'out'
  readonly requests: number
  readonly requestBytes: number
  readonly responses: number
  readonly responseBytes: number
  /** Failed operations that say that the server, or the way to it, is not well; `timedOut` are among them. */
  readonly errors: number
  readonly timedOut: number
  readonly ejects: number
  /** Unix milliseconds; `undefined` if it never was. */
  readonly ejectedAt: number | undefined
  /** Gets that wait for the end of this turn of the event loop. */
  readonly inQueue: number
  /** Operations that were sent and are not answered. */
  readonly outQueue: number
  /** Deletes that it has missed, to be made up for before it is believed. */
  readonly missedDeletes: number
  readonly latency: LatencySummary
}

/** The counts of one server since it was made. */
export class ServerCounts {
  requests = 0
  requestBytes = 0
  responses = 0
  responseBytes = 0
  errors = 0
  timedOut = 0
  ejects = 0
  ejectedAt: number | undefined
  readonly #latency = new Latency()

  answered(tookMs: number): void {
    this.responses++
    this.#latency.record(tookMs)
  }

  ejected(at: number): void {
    this.ejects++
    this.ejectedAt = at
  }

  /** Of what was read. */
  received(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.responseBytes += bytes.byteLength
  }

  summary() {
    const { requests, requestBytes, responses, responseBytes } = this
    const { errors, timedOut, ejects, ejectedAt } = this
    const sent = { requests, requestBytes, responses, responseBytes }
    return { ...sent, errors, timedOut, ejects, ejectedAt, latency: this.#latency.summary() }
  }
}
