import { styleText } from 'node:util'
import type { OnProgress, Progress } from './acts.ts'

type Style = Parameters<typeof styleText>[0]

/** Where the demo writes: a terminal gets a line that moves, anything else gets lines that stay. */
export interface Screen {
  /** Colours a text, where colours are wanted: not with NO_COLOR, not into a file. */
  paint(style: Style, text: string): string
  print(text?: string): void
  /** A reporter for one act; `done` takes the moving line away again. */
  follow(title: string): { onProgress: OnProgress; done(): void }
}

/** Narrow enough for title, bar and words to share 80 columns. */
const barWidth = 12
const plainEveryMs = 2_000

export function openScreen(
  out: NodeJS.WriteStream = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): Screen {
  // A build log keeps every frame of a moving line, so CI gets plain ones even on a terminal.
  const live = out.isTTY === true && !env.CI && env.TERM !== 'dumb'
  const paint = (style: Style, text: string) => styleText(style, text, { stream: out })
  const print = (text = '') => out.write(`${text}\n`)

  return {
    paint,
    print,
    follow(title) {
      if (!live) {
        print(title)
        let shownMs = 0
        return {
          onProgress(progress) {
            if (progress.atMs < shownMs + plainEveryMs) return
            shownMs = progress.atMs
            print(`  ${describe(progress)}`)
          },
          done() {},
        }
      }
      const draw = (line: string) => out.write(`\r\u001b[K${line}`)
      draw(title)
      return {
        onProgress(progress) {
          const bar = paint('cyan', drawBar(progress.atMs / progress.ofMs))
          const room = (out.columns || 80) - title.length - barWidth - 5
          draw(`${title}  ${bar}  ${describe(progress).slice(0, Math.max(0, room))}`)
        },
        done() {
          draw('')
        },
      }
    },
  }
}

function drawBar(share: number): string {
  const full = Math.min(barWidth, Math.round(share * barWidth))
  return '━'.repeat(full) + '╌'.repeat(barWidth - full)
}

function describe({ atMs, answers, callsWithout, callsCached }: Progress): string {
  const seconds = (atMs / 1_000).toFixed(0).padStart(2)
  return `${seconds} s, ${count(answers)} answers, origin ${count(callsWithout)} → ${count(callsCached)}`
}

export const count = (value: number): string => value.toLocaleString('en-US')
