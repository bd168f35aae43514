/** One picture of the gallery. */
export interface Shown {
  readonly name: string
  readonly source: string
  /** Why it is refused, for a picture that should be. */
  readonly bad?: string
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

const card = ({ name, source, bad }: Shown) => `
  <figure data-source="${escaped(source)}"${bad === undefined ? '' : ' data-bad'}>
    <div class="frame"><img alt="${escaped(name)}"></div>
    <figcaption>
      <strong>${escaped(name)}</strong>
      <span class="badge">…</span>
      <small>${escaped(bad ?? '')}</small>
      <code></code>
    </figcaption>
  </figure>`

/** A page that loads every picture and writes on it what the cache did. */
export function galleryPage(shown: readonly Shown[], isDown: boolean): string {
  const good = shown.filter(({ bad }) => bad === undefined)
  const bad = shown.filter((each) => each.bad !== undefined)
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Images through Holdfast</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; --line: light-dark(#d9dde3, #333a44) }
  body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; background: light-dark(#f6f7f9, #14171c) }
  header { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-bottom: 1rem }
  h1 { font-size: 1.3rem; margin: 0 auto 0 0 } h2 { font-size: 1rem; margin: 1.8rem 0 .6rem }
  .action { font: inherit; color: inherit; text-decoration: none; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: light-dark(#fff, #1d222a); cursor: pointer }
  .action:focus-visible { outline: 2px solid #2563c9; outline-offset: 2px }
  .down { color: light-dark(#b3261e, #ff8a80); font-weight: 600 }
  .grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)) }
  figure { margin: 0; border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; background: light-dark(#fff, #1d222a) }
  .frame { aspect-ratio: 4/3; background: light-dark(#e9ecf0, #262c35); display: grid; place-items: center; color: #8a919c }
  figure[data-bad] .frame { aspect-ratio: 4/1 } img { width: 100%; height: 100%; object-fit: cover; display: none }
  figcaption { padding: .6rem .8rem; display: grid; grid-template-columns: 1fr auto; gap: .1rem .6rem }
  small, code { grid-column: 1/-1; color: light-dark(#5c6470, #9aa3af) } small:empty { display: none } code { font-size: .78rem; overflow-wrap: anywhere }
  .badge { align-self: center; border-radius: 1rem; padding: .05rem .6rem; font-size: .82rem; white-space: nowrap; font-weight: 600; background: #8a919c; color: #fff }
  .hit { background: #1a7f4b } .miss { background: #2563c9 } .revalidated { background: #0e7c86 } .stale { background: #b26a00 } .refused { background: #b3261e }
</style>
<header><h1>Images through Holdfast</h1>
  <span class="${isDown ? 'down' : ''}">the origin is ${isDown ? 'down' : 'up'}</span>
  <button class="action" id="again">load again</button>
  <a class="action" href="/toggle">${isDown ? 'bring the origin back' : 'take the origin down'}</a>
</header>
<div class="grid">${good.map(card).join('')}</div>
<h2>What this origin also sends, and no client ever gets</h2>
<div class="grid">${bad.map(card).join('')}</div>
<script type="module">
  const word = (status) => /fwd=stale; fwd-status=304/.test(status) ? 'revalidated'
    : /ttl=-|fwd=stale/.test(status) ? 'stale' : /hit/.test(status) ? 'hit' : 'miss'
  async function load(figure) {
    const [badge, code, image] = ['.badge', 'code', 'img'].map((each) => figure.querySelector(each))
    const response = await fetch(figure.dataset.source, { cache: 'no-store' })
    const status = response.headers.get('cache-status') ?? ''
    const what = response.ok ? word(status) : 'refused'
    badge.className = 'badge ' + what
    badge.textContent = response.ok ? what : response.status + ' ' + (await response.clone().text())
    code.textContent = status + (response.ok ? ' · age ' + response.headers.get('age') + ' s' : '')
    if (!response.ok) return
    image.src = URL.createObjectURL(await response.blob())
    image.style.display = 'block'
  }
  const all = () => Promise.all([...document.querySelectorAll('figure')].map(load))
  document.querySelector('#again').onclick = all
  await all()
  document.body.dataset.loaded = 'yes'
</script>`
}
