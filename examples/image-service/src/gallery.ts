import { once } from 'node:events'
import { scratchDirectory } from '@holdfast/lab/scratch'
import { badPictures, pictures, startDemoOrigin } from './demo-origin.ts'
import { galleryPage, type Shown } from './gallery-page.ts'
import { createService } from './service.ts'

/** The service in front of the demo's origin, with a page that shows what it does. */
export async function startGallery(port = 0) {
  const origin = await startDemoOrigin()
  const scratch = scratchDirectory()
  const service = createService({
    directory: scratch.path,
    origins: [origin.url],
    // The demo's origin is on this machine; a public one needs neither of these.
    network: { schemes: ['http'], allowPrivate: ['127.0.0.1/32'] },
    pairs: [
      {
        key: process.env.SIGNING_KEY ?? 'a key of this demo',
        salt: process.env.SIGNING_SALT ?? 'salt',
      },
    ],
    adminToken: process.env.ADMIN_TOKEN ?? 'admin of this demo',
    page(path, signed) {
      if (path === '/toggle') {
        origin.isDown = !origin.isDown
        const body = '<meta http-equiv="refresh" content="0; url=/">'
        return { status: 200, type: 'text/html', body }
      }
      if (path !== '/') return { status: 404, type: 'text/plain', body: 'not found' }
      const good: Shown[] = pictures.map((name) => ({
        name,
        source: signed(`${origin.url}/${name}.jpg`, 320),
      }))
      const bad: Shown[] = Object.entries(badPictures).map(([name, why]) => ({
        name,
        source: signed(`${origin.url}/${name}`),
        bad: why,
      }))
      const unsigned = {
        name: 'unsigned',
        source: `/images/?url=${origin.url}/dawn.jpg`,
        bad: 'a request that nobody signed',
      }
      return {
        status: 200,
        type: 'text/html; charset=utf-8',
        body: galleryPage([...good, ...bad, unsigned], origin.isDown),
      }
    },
  })
  await once(service.server.listen(port, '127.0.0.1'), 'listening')
  return {
    ...service,
    origin,
    async close() {
      await service.close()
      await origin.close()
      scratch.remove()
    },
  }
}
