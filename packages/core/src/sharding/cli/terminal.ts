/** All that the command line touches of the world, so that tests can hand in another. */
export interface Terminal {
  write(text: string): void
  writeError(text: string): void
  readFile(path: string): Promise<string>
}

/** Rows of cells as aligned columns, the first to the left and all others to the right. */
export function columns(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
      )
      return `${indent}${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** Text for a terminal: control characters would act on it, so they are shown as escapes. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`
  })
