import type { AddressInfo } from 'node:net'
import { startGallery } from './gallery.ts'

const gallery = await startGallery(Number(process.env.PORT ?? 3000))
const { port } = gallery.server.address() as AddressInfo
console.log(`The gallery is at http://127.0.0.1:${port}/, its counters at /stats. Ctrl+C ends it.`)
process.once('SIGINT', () => void gallery.close())
