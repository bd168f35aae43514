/** Who serves the image, and over whom it is compared. */
export interface ImagesArm {
  readonly name: string
  readonly what: string
  readonly over?: string
  readonly copied: string
}

export const imagesArms: readonly ImagesArm[] = [
  { name: 'node-buffer', what: 'plain node:http with the buffer in hand', copied: 'nothing' },
  {
    name: 'node-file',
    what: 'plain node:http that reads the file for each request',
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
    copied: 'once; read and hashed once',
  },
  {
    name: 'holdfast-redis',
    what: 'Holdfast, from Redis alone (`memory: false`)',
    over: 'node-buffer',
    copied: 'once; received and hashed once',
  },
  {
    name: 'nginx',
    what: 'nginx `proxy_cache`, from its disk by sendfile',
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
