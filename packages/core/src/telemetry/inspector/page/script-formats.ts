/** Of the page's script: how numbers and times are written. */
export const formats = /* js */ `
const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const count = (value) => (value >= 100000 ? short : whole).format(value)
const perSecond = (value) => (value >= 100 ? count(value) : tenth.format(value))
const percent = (share) => {
  if (share > 0 && share < 0.0005) return '< 0.1 %'
  // What is not all of it never reads as 100.
  const shown = share > 0.999 && share < 1 ? Math.floor(share * 10000) / 100 : Math.round(share * 1000) / 10
  return shown + ' %'
}
const bytes = (value) => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return tenth.format(value) + ' ' + units[unit]
}
const span = (ms) => {
  if (ms < 0.0005) return '< 1 µs'
  if (ms < 0.995) return whole.format(ms * 1000) + ' µs'
  if (ms < 10) return tenth.format(ms) + ' ms'
  if (ms < 1000) return whole.format(ms) + ' ms'
  if (ms < 60000) return tenth.format(ms / 1000) + ' s'
  if (ms < 3600000) return whole.format(ms / 60000) + ' min'
  if (ms < 172800000) return tenth.format(ms / 3600000) + ' h'
  return whole.format(ms / 86400000) + ' days'
}
// How far the server's clock is ahead of this one.
let skewMs = 0
const instant = (at) => {
  const offMs = at - Date.now() - skewMs
  const away = offMs < 0 ? span(-offMs) + ' ago' : 'in ' + span(offMs)
  return new Date(at).toLocaleString() + ' (' + away + ')'
}
`
