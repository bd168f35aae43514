// What this workspace publishes, read from the manifests, so that no gate keeps a list of its own.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')

/** Every published package with its entries: `{ name, folder, manifest, entries: [{ id, js, types }] }`. */
export function publishedPackages() {
  return readdirSync(join(root, 'packages'))
    .sort()
    .map((directory) => {
      const folder = join(root, 'packages', directory)
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const entries = Object.entries(manifest.exports)
        .filter(([subpath]) => subpath !== './package.json')
        .map(([subpath, target]) => ({
          id: subpath === '.' ? manifest.name : `${manifest.name}${subpath.slice(1)}`,
          subpath,
          js: join(folder, target.default),
          types: join(folder, target.types),
        }))
      return { name: manifest.name, folder, manifest, entries }
    })
    .filter((one) => one.manifest.private !== true)
}

/** Where `pnpm pack` leaves the tarball of a package. */
export function tarballOf({ name, manifest }) {
  const flat = name.replace('@', '').replace('/', '-')
  return join(root, 'packed', `${flat}-${manifest.version}.tgz`)
}
