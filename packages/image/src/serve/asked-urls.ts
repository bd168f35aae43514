import { ImageError } from '../image-error.ts'

const remembered = 1_000

/** Reads the URL that a request asks for out of its query, and remembers those read last: the same are asked for again and again. */
export class AskedUrls {
  readonly #mayExpire: boolean
  /** A Map keeps the order of insertion. */
  readonly #known = new Map<string, string>()

  constructor(mayExpire: boolean) {
    this.#mayExpire = mayExpire
  }

  /** Exactly one `url`, and nothing that could mean something to somebody else. @throws ImageError `url` */
  of(target: string): string {
    const known = this.#known.get(target)
    if (known !== undefined) return known
    const at = target.indexOf('?')
    const query = new URLSearchParams(at < 0 ? '' : target.slice(at))
    const names = [...query.keys()]
    const [url, ...more] = query.getAll('url')
    const isOther = (name: string) => name !== 'url' && !(this.#mayExpire && name === 'exp')
    if (url === undefined || more.length > 0 || names.some(isOther)) {
      throw new ImageError('url', 'expected exactly one query parameter, url')
    }
    if (this.#known.size >= remembered) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(target, url)
    return url
  }
}
