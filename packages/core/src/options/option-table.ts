import { refuseUnknownNames } from './known-names.ts'
import { type Reader, readObject } from './readers.ts'

/** Every option of one object: its name, what it is called inside, and how it is read. This is all that makes it known. */
export type OptionTable<Options, Settings> = {
  readonly [Name in keyof Options]-?: {
    [Inside in keyof Settings]: readonly [Inside, Reader<Settings[Inside]>]
  }[keyof Settings]
}

type AnyTable<Settings> = Readonly<Record<string, readonly [keyof Settings, Reader<unknown>]>>

/**
 * `base` with what `options` sets. `options` is read once, here; later changes to it have no effect. An option that is
 * `undefined` leaves what is in `base`.
 * @throws InvalidOptionError naming the option, what was expected and what came; for an unknown one the nearest.
 */
export function readOptions<Settings extends object>(
  base: Settings,
  options: unknown,
  table: AnyTable<Settings>,
  where: string,
  prefix = '',
): Settings {
  const given = readObject(options, where) as Record<string, unknown>
  const settings = { ...base }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) refuseUnknownNames(given, Object.keys(table), where)
    const [inside, read] = table[name]!
    if (given[name] !== undefined) settings[inside] = read(given[name], prefix + name) as never
  }
  return settings
}

/** Reads an object of options inside another one: frozen, and complete with its defaults. */
export function optionsReader<Settings extends object>(
  table: AnyTable<Settings>,
  defaults: object,
): Reader<Settings> {
  return (value, where) => {
    const read = (base: Settings, options: unknown) =>
      readOptions(base, options, table, where, `${where}.`)
    return Object.freeze(read(read({} as Settings, defaults), value))
  }
}
