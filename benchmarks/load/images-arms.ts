/** Who serves the image, and over whom it is compared. */
export interface ImagesArm {
  readonly name: string
  readonly what: string
  /** The process that serves it, where it is not its own. */
  readonly server?: string
  /** How many images are asked for in turn. Default 1. */
  readonly images?: number
  readonly over?: string
  readonly copied: string
}

/** More than there are connections, so that no two of them ask for the same image at once. */
export const manyImages = 64

export const imagesArms: readonly ImagesArm[] = [
  { name: 'node-buffer', what: 'plain node:http with the buffer in hand', copied: 'nothing' },
  {
    name: 'node-file',
    what: 'plain node:http that reads the file for each request',
    over: 'nginx',
    copied: 'nothing; read once',
  },
  {
    name: 'holdfast-memory',
    what: 'Holdfast, from memory',
    over: 'node-buffer',
    copied: 'nothing',
  },
  {
    name: 'holdfast-memory-disk',
    what: 'Holdfast, memory before `diskStore`',
    over: 'nginx',
    copied: 'nothing',
  },
  {
    name: 'holdfast-disk',
    what: 'Holdfast, from `diskStore` alone (`memory: false`)',
    over: 'nginx',
    copied: 'nothing; read and hashed once for all who ask in one turn',
  },
  {
    name: 'holdfast-disk-many',
    what: `Holdfast, from \`diskStore\` alone, ${manyImages} images in turn`,
    server: 'holdfast-disk',
    images: manyImages,
    over: 'nginx-many',
    copied: 'nothing; read and hashed once',
  },
  {
    name: 'holdfast-redis',
    what: 'Holdfast, from Redis alone (`memory: false`)',
    over: 'node-buffer',
    copied: 'once, where the client joins what arrived; hashed once',
  },
  {
    name: 'nginx',
    what: 'nginx `proxy_cache`, from its disk by sendfile',
    copied: 'not JavaScript',
  },
  {
    name: 'nginx-many',
    what: `nginx \`proxy_cache\`, ${manyImages} images in turn`,
    server: 'nginx',
    images: manyImages,
    copied: 'not JavaScript',
  },
  {
    name: 'holdfast-variant',
    what: 'Holdfast, WebP of 320 pixels by `transform`, from memory',
    over: 'ipx',
    copied: 'nothing',
  },
  { name: 'ipx', what: 'ipx, the same WebP, made for each request', copied: 'by sharp' },
]
