/** How the page looks: light and dark, from a phone to a desk, without a font or a picture from anywhere. */
export const style = /* css */ `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --card: #ffffff; --line: #dde3ea; --text: #17212b; --quiet: #56636f;
  --accent: #0b6e75; --accent-text: #ffffff; --near: #0b7d84; --stale: #c98a12; --miss: #a9b4bf;
  --ok: #18794e; --warn: #8a5a00; --critical: #b3261e; --unknown: #56636f;
  --ok-soft: #e3f4ea; --warn-soft: #fdf1d8; --critical-soft: #fce8e6; --unknown-soft: #eaeef2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f151b; --card: #182129; --line: #2b3742; --text: #e7edf2; --quiet: #9fadb9;
    --accent: #4cc2c9; --accent-text: #06262a; --near: #3fb5bd; --stale: #e0a83c; --miss: #566472;
    --ok: #6fd19c; --warn: #f0bd5b; --critical: #ff8f86; --unknown: #9fadb9;
    --ok-soft: #14382a; --warn-soft: #3b2e10; --critical-soft: #47201d; --unknown-soft: #26313b;
  }
}
* { box-sizing: border-box }
[hidden] { display: none !important }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  font-variant-numeric: tabular-nums;
}
.only-heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
.skip { position: absolute; left: -999px; top: 8px; padding: 8px 14px; background: var(--accent); color: var(--accent-text); border-radius: 8px; z-index: 2 }
.skip:focus { left: 12px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
header {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: center;
  padding: 12px clamp(14px, 3vw, 32px); background: var(--card); border-bottom: 1px solid var(--line);
}
h1 { margin: 0; font-size: 17px; font-weight: 650; letter-spacing: -0.01em }
h1 span { color: var(--quiet); font-weight: 450 }
header .room { flex: 1 }
header label { display: flex; gap: 8px; align-items: center; color: var(--quiet); font-size: 14px; min-width: 0 }
#live { display: inline-flex; align-items: center; gap: 7px; font-size: 14px; color: var(--quiet); white-space: nowrap }
#live i { width: 9px; height: 9px; border-radius: 50%; background: var(--ok) }
#live[data-state='paused'] i { background: var(--unknown) }
#live[data-state='lost'] i { background: var(--critical) }
main {
  display: grid; gap: 16px; padding: 18px clamp(14px, 3vw, 32px) 32px; max-width: 1320px; margin: 0 auto;
  grid-template-columns: repeat(12, minmax(0, 1fr));
}
section { grid-column: span 12; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; min-width: 0 }
section.bare { background: none; border: 0; padding: 0 }
h2 { margin: 0 0 10px; font-size: 15px; font-weight: 620 }
h2 + .about { margin-top: -6px }
.about { margin: 0 0 12px; color: var(--quiet); font-size: 13px }
.column { grid-column: span 6; display: grid; gap: 16px; align-content: start; min-width: 0 }
.column section { grid-column: auto }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(4, minmax(0, 1fr)) }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 13px 16px; min-width: 0 }
.tile dt { color: var(--quiet); font-size: 13px }
.tile dd { margin: 2px 0 0 }
.tile .value { font-size: 28px; line-height: 1.15; font-weight: 640; letter-spacing: -0.02em }
.tile .note { color: var(--quiet); font-size: 13px; min-height: 1.45em }
dl { margin: 0 }
.chart { display: block; width: 100%; height: 150px; overflow: visible }
.chart .rule { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke }
.chart .hits { fill: var(--near) } .chart .stale { fill: var(--stale) } .chart .misses { fill: var(--miss) }
.axis { display: flex; justify-content: space-between; color: var(--quiet); font-size: 12px; margin-top: 6px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 8px; padding: 0; list-style: none; font-size: 13px; color: var(--quiet) }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px }
.legend .hits { background: var(--near) } .legend .stale { background: var(--stale) } .legend .misses { background: var(--miss) }
table { width: 100%; border-collapse: collapse; font-size: 14px }
th { text-align: left; font-weight: 500; color: var(--quiet); font-size: 13px }
th, td { padding: 7px 8px; border-bottom: 1px solid var(--line); vertical-align: middle }
th:first-child, td:first-child { padding-left: 0 } th:last-child, td:last-child { padding-right: 0 }
tbody tr:last-child > * { border-bottom: 0 }
tbody th { color: var(--text); font-size: 14px; font-weight: 450 }
.number { text-align: right; white-space: nowrap }
.where { display: block; color: var(--quiet); font-size: 12px; overflow-wrap: anywhere }
.pill { display: inline-flex; gap: 6px; align-items: center; padding: 1px 9px 2px; border-radius: 99px; font-size: 13px; font-weight: 560; white-space: nowrap; color: var(--unknown); background: var(--unknown-soft) }
.pill::before { content: '?' ; font-weight: 700 }
.pill[data-status='ok'] { color: var(--ok); background: var(--ok-soft) } .pill[data-status='ok']::before { content: '\\2713' }
.pill[data-status='warn'] { color: var(--warn); background: var(--warn-soft) } .pill[data-status='warn']::before { content: '!' }
.pill[data-status='critical'] { color: var(--critical); background: var(--critical-soft) } .pill[data-status='critical']::before { content: '\\2715' }
.pill[data-status='none']::before { content: '\\2013' }
.tiers { display: grid; gap: 0; margin: 0; padding: 0; list-style: none }
.tiers li { display: grid; gap: 2px 12px; grid-template-columns: minmax(0, 1fr) auto; padding: 10px 0; border-bottom: 1px solid var(--line) }
.tiers li:first-child { padding-top: 2px } .tiers li:last-child { border-bottom: 0; padding-bottom: 0 }
.tiers b { font-weight: 580 }
.tiers p { grid-column: 1 / -1; margin: 0; color: var(--quiet); font-size: 13px; overflow-wrap: anywhere }
.ring { display: grid; gap: 12px; margin: 0; padding: 0; list-style: none }
.ring .line { display: flex; justify-content: space-between; gap: 12px; font-size: 14px }
.ring .line span:first-child { overflow-wrap: anywhere }
.ring .bar { position: relative; height: 14px; margin-top: 4px; border-radius: 4px; background: var(--unknown-soft) }
.ring .bar i { position: absolute; inset: 0 auto 0 0; border-radius: 4px; background: var(--near) }
.ring .out .bar i { background: repeating-linear-gradient(45deg, var(--critical) 0 6px, var(--critical-soft) 6px 12px) }
.ring .bar b { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1px; background: var(--text); border-radius: 2px }
form { display: grid; gap: 10px }
form label { font-size: 14px; color: var(--quiet) }
.row { display: flex; flex-wrap: wrap; gap: 8px }
input, select, button { font: inherit; color: inherit; border-radius: 8px; border: 1px solid var(--line); min-height: 40px; padding: 6px 12px; background: var(--card) }
input { flex: 1 1 180px; min-width: 0; background: var(--ground); font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px }
select { min-width: 0; max-width: 46vw; text-overflow: ellipsis }
button { cursor: pointer; font-weight: 540; white-space: nowrap }
button:hover { border-color: var(--quiet) }
button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-text) }
button.danger { color: var(--critical); border-color: var(--critical) }
button:disabled { opacity: 0.55; cursor: default }
#answer { margin-top: 14px }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 5px 18px; font-size: 14px; margin: 12px 0 }
.facts dt { color: var(--quiet) }
.facts dd { margin: 0; overflow-wrap: anywhere }
.said { margin: 10px 0 0; font-size: 14px; overflow-wrap: anywhere }
.said:empty { margin: 0 }
.said[data-status='ok'] { color: var(--ok) } .said[data-status='warn'] { color: var(--warn) } .said[data-status='critical'] { color: var(--critical) }
.banner { grid-column: span 12; margin: 0; padding: 10px 16px; border-radius: 12px; background: var(--warn-soft); color: var(--warn); font-weight: 540 }
dialog { width: min(480px, calc(100vw - 32px)); border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: var(--text); padding: 20px }
dialog::backdrop { background: rgb(8 14 20 / 0.55) }
dialog h2 { font-size: 17px }
dialog p { margin: 0 0 16px; overflow-wrap: anywhere }
dialog .row { justify-content: flex-end }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.93em }
footer { padding: 0 clamp(14px, 3vw, 32px) 28px; max-width: 1320px; margin: 0 auto; color: var(--quiet); font-size: 13px }
@media (max-width: 900px) { .column { grid-column: span 12 } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)) } }
@media (max-width: 520px) {
  header { position: static } h1 { flex: 1 } header .room { flex-basis: 100%; height: 0; margin-top: -10px }
  #overall { order: 1 } .room { order: 2 } header label { order: 3; flex: 1 } select { max-width: none; flex: 1 } #live { order: 4 } #pause { order: 5 }
  main, .column { gap: 12px } section { padding: 14px } .tile { padding: 11px 13px } .tile .value { font-size: 23px }
  th, td { padding: 7px 5px } .row button { flex: 1 1 auto } #tag { flex-basis: 100% }
}
@media (prefers-reduced-motion: no-preference) { .ring .bar i { transition: width 0.3s } #live[data-state='live'] i { animation: beat 2s ease-in-out infinite } }
@keyframes beat { 50% { opacity: 0.35 } }
@media (forced-colors: active) { .pill, .tile, section { border: 1px solid } .ring .bar i, .ring .bar b, .legend i { forced-color-adjust: none } }
`
