/** Of the page's script: what is shown of a cache, panel by panel. */
export const panels = /* js */ `
const answered = (stats) => stats.hits + stats.stale + stats.misses
const rateOf = (stats) => (answered(stats) === 0 ? undefined : (stats.hits + stats.stale) / answered(stats))
const minus = (after, before) => Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]))
const pill = (status, text) => el('span', { class: 'pill', 'data-status': status }, text || status)

function showOverview(cache, history) {
  const { stats } = cache
  const last = history[history.length - 1]
  const moved = minus(stats, history[0].stats)
  const forMs = last.at - history[0].at
  // What happens now: over some ten seconds, so that numbers can be read.
  const near = history[Math.max(0, history.length - 6)]
  const lately = minus(stats, near.stats)
  const perS = (value) => (last.at > near.at ? perSecond(value / ((last.at - near.at) / 1000)) : '–')
  const recent = rateOf(moved)
  const ever = rateOf(stats)
  setText($('rate'), recent === undefined ? (ever === undefined ? '–' : percent(ever)) : percent(recent))
  setText($('rate-note'), recent === undefined ? 'since the process started' : 'in the last ' + span(forMs) + '; ' + percent(ever) + ' ever')
  setText($('asked'), perS(answered(lately)))
  setText($('asked-note'), count(answered(stats)) + ' ever')
  setText($('loads'), perS(lately.loads))
  const failed = stats.loadErrors + stats.loadTimeouts
  setText($('loads-note'), count(stats.loads) + ' ever, ' + (failed === 0 ? 'none failed' : count(failed) + ' failed'))
  setText($('avoided'), count(stats.coalesced))
  setText($('avoided-note'), 'calls that shared a load; ' + perS(lately.coalesced) + ' a second')
}

function showChart(history) {
  const points = []
  for (let i = 1; i < history.length; i++) {
    const ms = history[i].at - history[i - 1].at
    const moved = minus(history[i].stats, history[i - 1].stats)
    points.push({ hits: moved.hits / ms * 1000, stale: moved.stale / ms * 1000, misses: moved.misses / ms * 1000 })
  }
  const svg = $('chart')
  const drawn = [...svg.querySelectorAll('path')]
  if (points.length < 2) {
    for (const path of drawn) path.remove()
    setText($('chart-text'), 'Too little has been seen yet')
    setText($('chart-from'), '')
    setText($('chart-top'), 'too little has been seen yet')
    return
  }
  const total = (point) => point.hits + point.stale + point.misses
  const top = Math.max(1, ...points.map(total))
  const x = (i) => (i / (points.length - 1)) * 300
  const y = (value) => 100 - (value / top) * 96
  const line = (level) => points.map((point, i) => x(i).toFixed(1) + ' ' + y(level(point)).toFixed(2))
  const area = (low, high) => 'M' + line(high).join('L') + 'L' + line(low).reverse().join('L') + 'Z'
  const none = () => 0
  const hits = (point) => point.hits
  const kept = (point) => point.hits + point.stale
  const shapes = [['rule', 'M0 100H300M0 4H300'], ['hits', area(none, hits)], ['stale', area(hits, kept)], ['misses', area(kept, total)]]
  shapes.forEach(([name, d], i) => {
    let path = drawn[i]
    if (path === undefined) {
      path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
      path.setAttribute('class', name)
      svg.append(path)
    }
    path.setAttribute('d', d)
  })
  const forMs = history[history.length - 1].at - history[0].at
  const now = points[points.length - 1]
  setText($('chart-from'), span(forMs) + ' ago')
  setText($('chart-top'), 'top: ' + perSecond(top) + ' a second')
  setText(
    $('chart-text'),
    'Answers a second in the last ' + span(forMs) + ': at most ' + perSecond(top) + '; now ' + perSecond(now.hits) +
      ' fresh, ' + perSecond(now.stale) + ' stale and ' + perSecond(now.misses) + ' not from the cache',
  )
}

const tier = (name, state, ...lines) =>
  el('li', {}, el('b', {}, name), state, ...lines.map((line) => el('p', {}, line)))

function showTiers({ tiers, stats }) {
  const items = []
  const known = tiers || { near: true }
  if (known.near) {
    items.push(tier('Near: this process’s memory', pill('ok', 'in use'),
      count(stats.entries) + ' entries, ' + bytes(stats.bytes) + '; ' + count(stats.evictions) + ' evicted for room'))
  } else items.push(tier('Near: this process’s memory', pill('none', 'off'), 'Switched off by memory: false'))
  if (known.store) {
    const { breaker, outMs, name } = known.store
    const state = breaker === 'closed' ? pill('ok', 'breaker closed') : pill('critical', 'breaker ' + breaker)
    const lines = [count(stats.farHits) + ' hits there; ' + count(stats.storeErrors) + ' operations failed, ' + count(stats.refused) + ' values not believed']
    if (breaker !== 'closed') lines.unshift('Not asked for ' + span(outMs) + ': calls go past it to their loaders')
    if (known.journalFill > 0) lines.push('Journal of invalidations to make up for: ' + percent(known.journalFill) + ' full')
    items.push(tier('Far: ' + name, state, ...lines))
    items.push(known.bus
      ? tier('Bus between processes', known.bus.up ? pill('ok', 'up') : pill('critical', 'down'),
          (known.bus.up ? '' : 'For ' + span(known.bus.downMs) + '; near entries are believed for a moment only. ') +
            count(stats.busGaps) + (stats.busGaps === 1 ? ' gap' : ' gaps') + ' in messages; ' + count(stats.madeUp) + ' invalidations made up for')
      : tier('Bus between processes', pill('none', 'none'), 'Without one a near entry is believed for a second by default'))
  } else if (tiers) items.push(tier('Far: a store that processes share', pill('none', 'none'), 'Everything is in this process alone'))
  const failed = stats.loadErrors + stats.loadTimeouts
  items.push(tier('Origin: the loaders', stats.loading > 0 ? pill('ok', count(stats.loading) + ' loading') : pill('ok', 'idle'),
    count(stats.refreshes) + ' loads behind a caller, ' + count(failed) + ' failed; ' + count(stats.queued) + ' waiting, ' + count(stats.overloads) + ' turned away'))
  $('tiers').replaceChildren(...items)
}

const kinds = { near: 'near hit', far: 'far hit', load: 'load' }
function showLatency(latency) {
  $('latency').replaceChildren(...Object.entries(kinds).map(([kind, name]) => {
    const known = latency[kind]
    const cell = (text) => el('td', { class: 'number' }, text)
    const cells = known ? [known.p50, known.p95, known.p99].map((ms) => cell(span(ms))).concat(cell(count(known.samples))) : [1, 2, 3, 4].map(() => cell('–'))
    return el('tr', {}, el('th', { scope: 'row' }, name), ...cells)
  }))
}

const checks = {
  hit_rate: ['Hit rate', percent], cpu_utilization: ['Server CPU', percent], memory_utilization: ['Server memory', percent],
  evictions_per_min: ['Evictions a minute', count], connections: ['Connections', count],
  replication_lag_s: ['Replica behind', (s) => span(s * 1000)], store_out_s: ['Store out for', (s) => (s === 0 ? 'not out' : span(s * 1000))],
  bus_down_s: ['Bus down for', (s) => (s === 0 ? 'not down' : span(s * 1000))], journal_fill: ['Journal full', percent],
  store_error_rate: ['Store errors', percent],
}
function showHealth(report, isOpen) {
  const overall = isOpen && report ? report.status : 'unknown'
  $('overall').dataset.status = overall
  setText($('overall'), isOpen ? overall : 'closed')
  const windowS = report ? Math.max(...report.checks.map((check) => check.windowS)) : 0
  setText($('health-about'), !report ? 'Not known' :
    'Judged over ' + span(windowS * 1000) + '; watched since somebody first asked, and unknown until a whole window has passed.')
  $('health').replaceChildren(...(report ? report.checks : []).map((check) => {
    const [label, format] = checks[check.name] || [check.name, String]
    const limit = (value) => (check.name.endsWith('_s') ? span(value * 1000) : format(value))
    const side = check.name === 'hit_rate' ? 'below ' : 'above '
    const isBad = check.status === 'warn' || check.status === 'critical'
    const lines = ['warns ' + side + limit(check.warn) + ', critical ' + side + limit(check.critical)]
    if (isBad) lines.push(check.status + ' for ' + span(Math.max(0, Date.now() + skewMs - check.since)))
    if (check.server !== undefined) lines.unshift(check.server)
    const name = el('th', { scope: 'row' }, label, ...lines.map((line) => el('span', { class: 'where' }, line)))
    const now = check.value === undefined ? '–' : format(check.value)
    return el('tr', {}, name, el('td', { class: 'number' }, now), el('td', { class: 'number' }, pill(check.status)))
  }))
}

function showRing(ring) {
  $('ring-room').hidden = !ring
  if (!ring) return
  const longest = Math.max(...ring.servers.flatMap(({ share, due }) => [share, due || 0]))
  const hasDue = ring.servers.some(({ due }) => due !== undefined)
  setText($('ring-about'), 'Where ' + count(ring.keys) + ' sample keys live' + (hasDue ? '; the mark is what the weight says.' : '.'))
  $('ring').replaceChildren(...ring.servers.map(({ name, share, due, state }) => {
    const bar = el('div', { class: 'bar', 'aria-hidden': 'true' })
    const fill = el('i')
    fill.style.width = (share / longest) * 100 + '%'
    bar.append(fill)
    if (due !== undefined) {
      const mark = el('b')
      mark.style.left = (due / longest) * 100 + '%'
      bar.append(mark)
    }
    const text = percent(share) + (due === undefined ? '' : ' of ' + percent(due))
    const note = el('span', {}, text)
    if (state === 'out') note.prepend(pill('critical', 'out'), ' ')
    return el('li', { class: state === 'out' ? 'out' : '' }, el('div', { class: 'line' }, el('span', {}, name), note), bar)
  }))
}
`
