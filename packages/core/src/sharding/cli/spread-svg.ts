import type { Spread } from './spread.ts'

const width = 720
const margin = 24
const rowHeight = 30
const headHeight = 64
const nameWidth = 220
const barsLeft = margin + nameWidth
const barsWidth = width - barsLeft - margin - 90

/** The spread as a picture for documents: one bar a server, a mark where its weight would put the end of the bar. */
export function spreadSvg({ pool, about, servers, fullest }: Spread): string {
  const height = headHeight + servers.length * rowHeight + margin
  const longest = Math.max(...servers.flatMap(({ share, due }) => [share, due]))
  const lengthOf = (share: number) => round((share / longest) * barsWidth)
  const title = `How keys spread over pool ${pool}`
  const description = `${about}; the fullest server has ${fullest.toFixed(2)} times what its weight says`

  const rows = servers.map(({ name, share, due }, i) => {
    const top = headHeight + i * rowHeight
    const baseline = top + 17
    const mark = barsLeft + lengthOf(due)
    const note = `${(share * 100).toFixed(1)} %`
    return `  <g>
    <text x="${barsLeft - 12}" y="${baseline}" text-anchor="end" class="name">${escapeXml(shorten(name))}</text>
    <rect x="${barsLeft}" y="${top + 4}" width="${lengthOf(share)}" height="18" rx="2" class="bar"/>
    <line x1="${mark}" y1="${top}" x2="${mark}" y2="${top + 26}" class="mark"/>
    <text x="${round(barsLeft + Math.max(lengthOf(share), lengthOf(due)) + 10)}" y="${baseline}" class="note">${note}</text>
  </g>`
  })

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">
  <title id="title">${escapeXml(title)}</title>
  <desc id="description">${escapeXml(description)}</desc>
  <style>
    text { font-family: system-ui, sans-serif; font-size: 13px; fill: #1f2933 }
    .head { font-size: 16px; font-weight: 600 }
    .note { fill: #52606d }
    .bar { fill: #3e7cb1 }
    .mark { stroke: #d64545; stroke-width: 2 }
    @media (prefers-color-scheme: dark) { text { fill: #e4e7eb } .note { fill: #9aa5b1 } }
  </style>
  <text x="${margin}" y="28" class="head">${escapeXml(title)}</text>
  <text x="${margin}" y="48" class="note">${escapeXml(description)}</text>
${rows.join('\n')}
</svg>
`
}

const round = (value: number): number => Math.round(value * 10) / 10
const shorten = (name: string): string => (name.length > 30 ? `${name.slice(0, 29)}…` : name)

// Control characters have no form in XML 1.0, not even escaped.
function escapeXml(text: string): string {
  return text
    .replace(/\p{Cc}/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
