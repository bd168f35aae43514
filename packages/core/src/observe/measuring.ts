/**
 * What no event tells. `claimWait`: how long a load waited for another process that was loading its key, in ms.
 * `busLag`: how long a message of this cache took to come back on the bus, in ms. `entrySize`: a value with its
 * envelope, on its way into the store, in bytes. `command`: one operation of the store, in ms.
 */
export type MeasureName = 'claimWait' | 'busLag' | 'entrySize' | 'command'

/** Who measures. While nobody does, a place that has something to measure pays for one look whether somebody does. */
export type Measure = (
  name: MeasureName,
  value: number,
  labels?: Readonly<Record<string, string>>,
) => void
