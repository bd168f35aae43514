/** Of the page's script: a key looked up, and what can be done to it. */
export const lookUp = /* js */ `
let lookedUp
const say = (id, status, text) => {
  $(id).dataset.status = status
  setText($(id), text)
}
const refusals = {
  403: 'You may not do that here.', 404: 'This cache is not here any more; reload the page.', 410: 'This cache is closed.',
}
const refusal = ({ status, answer }) => refusals[status] || answer.message || 'It did not work (' + status + '); try again.'

function forgetAnswer() {
  lookedUp = undefined
  $('answer').hidden = true
  say('key-said', '', '')
  say('tag-said', '', '')
}

const meanings = {
  fresh: ['ok', 'fresh: it is served as it is'],
  stale: ['warn', 'stale: usable within its stale windows'],
  error: ['warn', 'a kept error: its callers get the error'],
  loading: ['unknown', 'being loaded; nothing usable is kept yet'],
  absent: ['none', 'absent: the next call loads it'],
}

function factsOf(known) {
  const facts = []
  const add = (name, value) => {
    if (value !== undefined && value !== null && value !== '') facts.push(el('dt', {}, name), el('dd', {}, value))
  }
  add('As of', new Date(Date.now() + skewMs).toLocaleTimeString())
  add('Status', pill((meanings[known.status] || ['unknown'])[0], known.status))
  add('Key', el('code', {}, known.key))
  add('Found in', known.tier === 'near' ? 'this process’s memory' : known.tier === 'far' ? 'the store' : undefined)
  add('Server', known.shard)
  add('Stored', known.storedAt && instant(known.storedAt))
  add('Stale', known.staleAt && instant(known.staleAt))
  add('Gone', known.expiresAt && instant(known.expiresAt))
  add('Load took', known.loadMs === undefined ? undefined : known.loadMs === 0 ? 'it was set' : span(known.loadMs))
  add('Size', known.bytes === undefined ? undefined : bytes(known.bytes))
  add('Tags', known.tags.length === 0 ? undefined : known.tags.join(', '))
  // The store keeps when an entry became stale, and not why.
  const ttl = known.tier === 'far' ? 'its ttl passed, or it was expired' : 'its ttl passed'
  const because = known.staleBecause
  add('Stale because', because === 'expire' ? 'it was expired' : because === 'ttl' ? ttl : because && 'its ' + because + ' was expired')
  add('Gone because', known.goneBecause)
  add('Not kept because', known.notKeptBecause)
  add('Next try', known.retryAt && instant(known.retryAt))
  add('Loading', known.loading && known.status !== 'loading' ? 'a load is under way' : undefined)
  add('Believed here', known.maxAgeMs ? 'for ' + span(known.maxAgeMs) + ' without asking the store' : undefined)
  return facts
}

async function explain(key, note) {
  const cache = chosen
  say('key-said', '', 'Looking…')
  try {
    const { status, answer } = await post('explain', { cache, key })
    if (cache !== chosen) return
    if (status !== 200) {
      $('answer').hidden = true
      say('key-said', 'critical', refusal({ status, answer }))
      return
    }
    lookedUp = key
    $('facts').replaceChildren(...factsOf(answer.explanation))
    $('answer').hidden = false
    // Whoever hears the page hears the one word that matters.
    say('key-said', note ? 'ok' : '', note || 'It is ' + (meanings[answer.explanation.status] || ['', answer.explanation.status])[1] + '.')
  } catch {
    say('key-said', 'critical', 'No answer; try again.')
  }
}

function confirmed(title, text, verb) {
  setText($('confirm-title'), title)
  setText($('confirm-text'), text)
  setText($('confirm-yes'), verb)
  const dialog = $('confirm')
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }))
}

async function purge(id, body, done) {
  say(id, '', 'Working…')
  try {
    const result = await post('purge', body)
    if (result.status === 200) await done()
    else say(id, result.status === 503 ? 'warn' : 'critical', refusal(result))
  } catch {
    say(id, 'critical', 'No answer; it is not known whether it was done.')
  }
}

$('key-form').addEventListener('submit', (event) => {
  event.preventDefault()
  explain($('key').value)
})
$('expire').addEventListener('click', async () => {
  const key = lookedUp
  const cache = chosen
  const text = '“' + key + '” in cache “' + cache + '” counts as stale from now on, in every process. Within its stale windows it is still served; else the next call loads it.'
  if (await confirmed('Expire this key?', text, 'Expire'))
    await purge('key-said', { cache, key, soft: true }, () => explain(key, 'Expired.'))
})
$('delete').addEventListener('click', async () => {
  const key = lookedUp
  const cache = chosen
  const text = '“' + key + '” is gone from cache “' + cache + '” at once, in every process; the next call loads it.'
  if (await confirmed('Delete this key?', text, 'Delete'))
    await purge('key-said', { cache, key }, () => explain(key, 'Deleted.'))
})
$('tag-form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const tag = $('tag').value
  const cache = chosen
  // Return in the field means the first button, which is the milder one.
  const soft = event.submitter?.id !== 'delete-tag'
  const all = 'Everything kept under “' + tag + '” in cache “' + cache + '” '
  const text = all + (soft
    ? 'counts as stale from now on, in every process. Within its stale windows it is still served; else the next call loads it.'
    : 'is gone at once, in every process. If that is much, the origin will feel it.')
  const verb = soft ? 'Expire' : 'Delete'
  const body = soft ? { cache, tag, soft } : { cache, tag }
  if (await confirmed(verb + ' by tag?', text, verb))
    await purge('tag-said', body, () => say('tag-said', 'ok', verb + 'd what was kept under “' + tag + '”.'))
})
`
