import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'
import { canary } from './canary.ts'
import { type LeakForm, leakForms } from './leak-forms.ts'

/** A secret that was found, and where; `context` shows what stands around it, and not the secret. */
export interface Leak {
  readonly source: string
  /** From 1. */
  readonly line: number
  readonly form: string
  readonly context: string
}

export interface LeakScan {
  /** The next piece of the output; what spans two pieces is found, too. */
  write(chunk: Uint8Array | string): void
  end(): void
  /** How many letters were looked at. */
  readonly letters: number
}

/** No form of the marker is longer, line breaks and indentation of an inspected list included. */
const overlap = 1_000
/** A line this long is looked at before its end has come. */
const longestLine = 100_000
const shown = 80
const canaryForms = leakForms(canary)
const hidden = '[secret]'
const restOfSecret = /[\w+/=.%-]*\[secret\][\w+/=.%-]*/g

/** Searches a stream of output, in one pass, and calls `found` for each place. */
export function scanForLeaks(
  source: string,
  found: (leak: Leak) => void,
  marker = canary,
): LeakScan {
  const forms = marker === canary ? canaryForms : leakForms(marker)
  const decoder = new StringDecoder('utf8')
  let waiting = ''
  let before = ''
  let line = 1
  let letters = 0

  const look = (text: string): void => {
    letters += text.length
    // Colours may part a secret into pieces.
    const plain = stripVTControlCharacters(text)
    const all = before + plain
    for (const { name, pattern } of forms) {
      if (all.search(pattern) < 0) continue
      for (const match of all.matchAll(pattern)) {
        const end = match.index + match[0].length
        if (end <= before.length) continue
        found({
          source,
          line: line + newlines(all, before.length, match.index),
          form: name,
          context: around(all, match.index, end, forms),
        })
      }
    }
    line += newlines(plain, 0, plain.length)
    before = all.slice(-overlap)
  }

  return {
    write(chunk) {
      waiting += typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))
      const end = waiting.length > longestLine ? waiting.length : waiting.lastIndexOf('\n') + 1
      if (end === 0) return
      look(waiting.slice(0, end))
      waiting = waiting.slice(end)
    },
    end() {
      look(waiting + decoder.end())
      waiting = ''
    },
    get letters() {
      return letters
    },
  }
}

/** The places in one text. */
export function leaksIn(source: string, text: string, marker = canary): Leak[] {
  const leaks: Leak[] = []
  const scan = scanForLeaks(source, (leak) => leaks.push(leak), marker)
  scan.write(text)
  scan.end()
  return leaks
}

export const describeLeak = ({ source, line, form, context }: Leak): string =>
  `${source}:${line}: a secret of the tests, as ${form}: ${context}`

/** Line breaks between two places; negative where the second lies before the first. */
function newlines(text: string, from: number, to: number): number {
  if (to < from) return -newlines(text, to, from)
  let count = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1))
    count++
  return count
}

/** What stands before and after, on the same line, with everything hidden that is or belongs to a secret. */
function around(text: string, from: number, to: number, forms: readonly LeakForm[]): string {
  const lineFrom = text.lastIndexOf('\n', from) + 1
  const lineEnd = text.indexOf('\n', to)
  const lineTo = lineEnd < 0 ? text.length : lineEnd
  // The whole secret goes, not only the marker in it; another secret may stand beside this one.
  const hide = (part: string) =>
    forms.reduce(
      (rest, { pattern }) => rest.replace(pattern, hidden).replace(restOfSecret, hidden),
      part,
    )
  const head = hide(text.slice(lineFrom, from).replace(/[\w+/=.%-]*$/, ''))
  const tail = hide(text.slice(to, lineTo).replace(/^[\w+/=.%-]*/, ''))
  return `${head.slice(-shown)}${hidden}${tail.slice(0, shown)}`
}
