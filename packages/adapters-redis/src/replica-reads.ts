import type { SettledRead } from '@holdfast/core'
import type { RecentWrites } from './recent-writes.ts'
import type { NamedCommand, Servers, Way } from './servers.ts'

/** A replica that may be read from, as one or many names. */
export interface ReplicaReader {
  get(name: string): Promise<Uint8Array | undefined>
  getMany(names: readonly string[], operation: string): Promise<(Uint8Array | undefined)[]>
}

/** Who may be read from, for a name that was last written then. `undefined`: the primary alone. */
export type FindReader = (name: string, writtenAt: number) => ReplicaReader | undefined

/**
 * Reads from replicas where that shows nothing older than may be shown, and from the primary else, also where a
 * replica fails. What is written is remembered, so that it is read from where it was written.
 */
export function replicaReads(servers: Servers, find: FindReader, writes: RecentWrites): Servers {
  const readerOf = (name: string) => find(name, writes.writtenAt(name))
  const noting = (way: Way, names: readonly string[]): Way => ({
    get unanswered() {
      return way.unanswered
    },
    async run(operation, send) {
      // Whether it arrived or not: from here on it may have.
      try {
        return await way.run(operation, send)
      } finally {
        for (const name of names) writes.note(name)
      }
    },
  })
  const noteAfter = async (work: Promise<void>, names: readonly string[]) => {
    try {
      await work
    } finally {
      for (const name of names) writes.note(name)
    }
  }
  /** Each part from whoever has it, and from the primary what could not be read there. */
  const many = async <T>(
    names: readonly string[],
    operation: string,
    primary: (names: readonly string[]) => Promise<T[]>,
  ): Promise<(T | Uint8Array | undefined)[]> => {
    const parts = new Map<ReplicaReader | undefined, number[]>()
    names.forEach((name, index) => {
      const reader = readerOf(name)
      const part = parts.get(reader)
      if (part === undefined) parts.set(reader, [index])
      else part.push(index)
    })
    const answers = new Array<T | Uint8Array | undefined>(names.length).fill(undefined)
    await Promise.all(
      [...parts].map(async ([reader, indexes]) => {
        const some = indexes.map((index) => names[index]!)
        const read = reader?.getMany(some, operation).catch(() => primary(some)) ?? primary(some)
        const part: readonly (T | Uint8Array | undefined)[] = await read
        indexes.forEach((index, at) => {
          answers[index] = part[at]
        })
      }),
    )
    return answers
  }

  const reads: Servers = {
    nameOf: (key) => servers.nameOf(key),
    keyOf: (name) => servers.keyOf(name),
    startsOf: (prefix) => servers.startsOf(prefix),
    at: (name) => noting(servers.at(name), [name]),
    atChannel: (channel) => servers.atChannel(channel),
    get(name) {
      const reader = readerOf(name)
      return reader?.get(name).catch(() => servers.get(name)) ?? servers.get(name)
    },
    getMany: (names, operation) =>
      many(names, operation, (some) => servers.getMany(some, operation)),
    runAll: (operation, commands: readonly NamedCommand[]) =>
      noteAfter(
        servers.runAll(operation, commands),
        commands.map(([, name]) => name),
      ),
    deleteMany: (operation, names) => noteAfter(servers.deleteMany(operation, names), names),
    everyWay: () => servers.everyWay(),
    close: () => servers.close(),
  }
  if (servers.getManySettled !== undefined) {
    reads.getManySettled = (names) =>
      many<SettledRead>(names, 'getMany', (some) => servers.getManySettled!(some))
  }
  return reads
}
