import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@holdfast/lab/redis-server'
import { scratchDirectory } from '@holdfast/lab/scratch'
import { median, ratiosWithin, rounded } from '../micro/figures.ts'
import { measuredOn } from '../micro/measured-on.ts'
import { seededRandom, shuffled } from '../micro/workload.ts'
import { imagesArms } from './images-arms.ts'
import { nginxProgram, startNginx } from './images-nginx.ts'
import { imagesPage } from './images-page.ts'
import { type ImagesResults, imagesPagePath, imagesResultsPath } from './images-results.ts'
import { traffic } from './images-traffic.ts'

/*
 * `node load/images.ts`, after a build: one image through each server, over loopback. Writes results/images.json and
 * the page that is made from it.
 */
const rounds = Number(process.env.ROUNDS ?? 7)
const spanMs = Number(process.env.SPAN_MS ?? 1_500)
const warmUpMs = 300
const connections = 32
const require = createRequire(createRequire(import.meta.url).resolve('ipx'))
const sharp = require('sharp') as (
  bytes: Buffer,
  options: object,
) => { png(): { toBuffer(): Promise<Buffer> } }

interface Arm {
  readonly port: number
  /** Of the one image, or of as many as are asked for. */
  readonly path: (file: string) => string
  readonly pid: number
  stop(): void
}

const scratch = scratchDirectory()
const raw = { width: 640, height: 480, channels: 3 }
// Noise over a gradient: about as large as a photograph of that size.
const noise = randomBytes(raw.width * raw.height * raw.channels)
const pixels = noise.map((byte, at) => ((at / (raw.width * 3)) & 0xff & 0xf0) | (byte & 0x03))
const image = await sharp(Buffer.from(pixels), { raw }).png().toBuffer()
writeFileSync(join(scratch.path, 'image.png'), image)

const origin = createServer((_, response) => {
  const headers = { 'content-type': 'image/png', 'cache-control': 'max-age=86400' }
  response.writeHead(200, { ...headers, 'content-length': image.length }).end(image)
})
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
const redis = await startRedis()

async function start(name: string): Promise<Arm> {
  if (name === 'nginx') {
    const { port, child, stop } = await startNginx(nginxProgram!, scratch.path, originUrl)
    return { port, path: (file) => `/${file}`, pid: child.pid!, stop }
  }
  const file = fileURLToPath(new URL('./images-server.ts', import.meta.url))
  const args = [...process.execArgv, file, name, originUrl, scratch.path, String(redis.port)]
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)))
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
  const path = (file: string) =>
    name === 'ipx' ? `/f_webp,w_320/${file}` : `/?url=${encodeURIComponent(`${originUrl}/${file}`)}`
  return { port, path, pid: child.pid!, stop: () => child.kill() }
}

/** CPU time of a process, its threads and its children, in milliseconds, as the kernel counts it. */
function cpuMs(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  )
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  // Clock ticks of 10 ms.
  const own = (Number(fields[11]) + Number(fields[12])) * 10
  return own + children.reduce((sum, child) => sum + cpuMs(child), 0)
}

const present = imagesArms.filter(
  ({ name, server = name }) => server !== 'nginx' || nginxProgram !== undefined,
)
const running = new Map<string, Arm>()
for (const { name, server = name } of present) {
  running.set(name, running.get(server) ?? (await start(server)))
}
const taken = new Map(
  present.map(({ name }) => [name, [] as { perSecond: number; cpuUs: number }[]]),
)
const bodyBytes = new Map<string, number>()
const random = seededRandom(1)
for (let round = 0; round < rounds; round++) {
  for (const { name, images = 1 } of shuffled(present, random)) {
    const { port, path, pid } = running.get(name)!
    const files = Array.from({ length: images }, (_, at) => `image${at || ''}.png`)
    const paths = files.map(path)
    await traffic(port, paths, connections, warmUpMs)
    const [cpuBefore, startedAt] = [cpuMs(pid), performance.now()]
    const came = await traffic(port, paths, connections, spanMs)
    const tookMs = performance.now() - startedAt
    taken.get(name)!.push({
      perSecond: (came.requests / tookMs) * 1_000,
      cpuUs: ((cpuMs(pid) - cpuBefore) / came.requests) * 1_000,
    })
    bodyBytes.set(name, came.bodyBytes)
  }
  console.error(`round ${round + 1} of ${rounds}`)
}
for (const { stop } of new Set(running.values())) stop()
await redis.stop()
origin.closeAllConnections()
origin.close()
scratch.remove()

const speeds = (name: string) => taken.get(name)!.map(({ perSecond }) => perSecond)
const nginxVersion = () =>
  /nginx\/(\S+)/.exec(
    execFileSync('sh', ['-c', `${nginxProgram} -v 2>&1`], { encoding: 'utf8' }),
  )?.[1]
const manifest = JSON.parse(
  readFileSync(new URL('../node_modules/ipx/package.json', import.meta.url), 'utf8'),
) as { version: string }
const { date, node, machine } = measuredOn()
const results: ImagesResults = {
  date,
  node,
  machine,
  versions: {
    ipx: manifest.version,
    nginx: nginxProgram === undefined ? 'not installed' : (nginxVersion() ?? 'unknown'),
  },
  rounds,
  connections,
  bytes: image.length,
  variantBytes: {
    ours: bodyBytes.get('holdfast-variant') ?? 0,
    ipx: bodyBytes.get('ipx') ?? 0,
  },
  rows: imagesArms.map(({ name, what, over, copied }) => {
    if (!running.has(name)) {
      return { name, what, copied, perSecond: 0, cpuUs: 0, absent: 'not installed on this machine' }
    }
    const compared = over !== undefined && running.has(over) ? over : undefined
    return {
      name,
      what,
      copied,
      perSecond: rounded(median(speeds(name)), 0),
      cpuUs: rounded(median(taken.get(name)!.map(({ cpuUs }) => cpuUs)), 1),
      ...(compared === undefined
        ? {}
        : { ratio: { over: compared, of: ratiosWithin(speeds(name), speeds(compared)) } }),
    }
  }),
}
writeFileSync(imagesResultsPath, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(imagesPagePath, imagesPage(results))
