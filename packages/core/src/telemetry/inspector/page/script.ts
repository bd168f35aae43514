import { formats } from './script-formats.ts'
import { lookUp } from './script-look-up.ts'
import { panels } from './script-panels.ts'

/**
 * What the page does: asks for news while somebody can see it, and shows them. Text is only ever set as text. The parts
 * are one program: a script in the page, and no module, so that its hash is all that lets it run.
 */
export const script = /* js */ `
'use strict'
{
const $ = (id) => document.getElementById(id)
const el = (name, options, ...children) => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(options || {})) {
    if (key === 'class') element.className = value
    else if (key.includes('-')) element.setAttribute(key, value)
    else element[key] = value
  }
  element.append(...children)
  return element
}
const post = async (verb, body) => {
  const response = await fetch('?do=' + verb, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-inspector': '1' },
    body: JSON.stringify(body),
  })
  const answer = await response.json().catch(() => ({}))
  return { status: response.status, answer }
}
${formats}
${panels}
${lookUp}

let chosen
let refreshMs = 2000
let timer
let isPaused = false
let asking = 0
let history = []
const keptReadings = 151

const setLive = (state, text) => {
  $('live').dataset.state = state
  setText($('live-text'), text)
}
const showBanner = (text) => {
  const banner = $('banner')
  banner.hidden = text === ''
  setText(banner, text)
}

async function refresh() {
  clearTimeout(timer)
  if (isPaused || document.hidden) return
  const mine = ++asking
  try {
    const query = chosen === undefined ? '' : '&cache=' + encodeURIComponent(chosen)
    const response = await fetch('?view=state' + query, { signal: AbortSignal.timeout(15000) })
    if (mine !== asking) return
    if (response.status === 403) {
      setLive('lost', 'Not allowed')
      showBanner('You are not allowed to look at this any more. Sign in again and reload the page.')
      return
    }
    if (!response.ok) throw new Error(String(response.status))
    const news = await response.json()
    if (mine !== asking) return
    refreshMs = news.refreshMs
    setLive('live', 'Live')
    choose(news.names, news.cache.name)
    take(news.cache)
  } catch {
    if (mine !== asking) return
    setLive('lost', 'No answer; trying again')
  }
  timer = setTimeout(refresh, refreshMs)
}

function choose(names, name) {
  chosen = name
  if ($('cache').options.length === names.length) return
  $('cache').replaceChildren(...names.map((one) => el('option', { value: one, selected: one === name }, one)))
  $('chooser').hidden = false
}

function take(cache) {
  const last = history[history.length - 1]
  // A process that has started again counts from zero, on a clock of its own.
  if (last !== undefined && (cache.at <= last.at || answered(cache.stats) < answered(last.stats))) history = []
  skewMs = cache.now - Date.now()
  history.push({ at: cache.at, stats: cache.stats })
  if (history.length > keptReadings) history.shift()
  showBanner(
    !cache.isOpen ? 'This cache is closed.' : cache.isEnabled ? '' : 'This cache is switched off: every call goes to its loader.',
  )
  showOverview(cache, history)
  showChart(history)
  showTiers(cache)
  showLatency(cache.latency)
  showHealth(cache.health, cache.isOpen)
  showRing(cache.ring)
}

$('cache').addEventListener('change', () => {
  chosen = $('cache').value
  history = []
  forgetAnswer()
  refresh()
})
$('pause').addEventListener('click', () => {
  isPaused = !isPaused
  $('pause').setAttribute('aria-pressed', String(isPaused))
  asking++
  setLive(isPaused ? 'paused' : 'live', isPaused ? 'Paused' : 'Live')
  refresh()
})
document.addEventListener('visibilitychange', refresh)
refresh()
}
`
