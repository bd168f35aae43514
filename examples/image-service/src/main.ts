import type { AddressInfo } from 'node:net'
import { startGallery } from './gallery.ts'

const wanted = Number(process.env.PORT ?? 3000)
const gallery = await startGallery(wanted).catch((error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error
  console.error(`Port ${wanted} is taken; choose another: PORT=3001`)
  process.exit(1)
})
const { port } = gallery.server.address() as AddressInfo
console.log(`The gallery is at http://127.0.0.1:${port}/, its counters at /stats. Ctrl+C ends it.`)
process.once('SIGINT', () => void gallery.close())
