/** What stands on the page before anything is known; the script fills it in. */
export const markup = /* html */ `
<a class="skip" href="#look-up">Skip to looking up a key</a>
<header>
  <h1>Holdfast <span>inspector</span></h1>
  <label id="chooser" hidden>Cache <select id="cache"></select></label>
  <span id="overall" class="pill" data-status="unknown">unknown</span>
  <span class="room"></span>
  <span id="live" data-state="live"><i></i><span id="live-text">Live</span></span>
  <button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<main>
  <noscript><p class="banner">This page needs JavaScript to ask for news.</p></noscript>
  <p class="banner" id="banner" role="status" hidden></p>
  <section class="bare" aria-label="Overview">
    <dl class="tiles">
      <div class="tile"><dt>Hit rate</dt><dd class="value" id="rate">–</dd><dd class="note" id="rate-note"></dd></div>
      <div class="tile"><dt>Answers a second</dt><dd class="value" id="asked">–</dd><dd class="note" id="asked-note"></dd></div>
      <div class="tile"><dt>Loads a second</dt><dd class="value" id="loads">–</dd><dd class="note" id="loads-note"></dd></div>
      <div class="tile"><dt>Loads avoided in stampedes</dt><dd class="value" id="avoided">–</dd><dd class="note" id="avoided-note"></dd></div>
    </dl>
  </section>
  <section aria-labelledby="h-answers">
    <h2 id="h-answers">Answers a second</h2>
    <ul class="legend"><li><i class="hits"></i>fresh</li><li><i class="stale"></i>stale</li><li><i class="misses"></i>not from the cache</li></ul>
    <svg id="chart" class="chart" role="img" aria-labelledby="chart-text" viewBox="0 0 300 100" preserveAspectRatio="none"><title id="chart-text">No answers yet</title></svg>
    <div class="axis" aria-hidden="true"><span id="chart-from"></span><span id="chart-top"></span><span>now</span></div>
  </section>
  <div class="column">
    <section aria-labelledby="h-tiers">
      <h2 id="h-tiers">Tiers</h2>
      <ul class="tiers" id="tiers"></ul>
    </section>
    <section aria-labelledby="h-health">
      <h2 id="h-health">Health</h2>
      <p class="about" id="health-about"></p>
      <table>
        <thead><tr><th scope="col">Check</th><th scope="col" class="number">now</th><th scope="col" class="number">status</th></tr></thead>
        <tbody id="health"></tbody>
      </table>
    </section>
  </div>
  <div class="column">
    <section aria-labelledby="h-look" id="look-up" tabindex="-1">
      <h2 id="h-look">Look up a key</h2>
      <form id="key-form">
        <label for="key">Key, as the application writes it</label>
        <div class="row"><input id="key" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="4096" required><button class="main">Explain</button></div>
      </form>
      <p class="said" id="key-said" role="status"></p>
      <div id="answer" hidden>
        <h3 class="only-heard">What is known of it</h3>
        <dl class="facts" id="facts"></dl>
        <div class="row">
          <button type="button" id="expire">Expire…</button>
          <button type="button" id="delete" class="danger">Delete…</button>
        </div>
      </div>
    </section>
    <section aria-labelledby="h-tag">
      <h2 id="h-tag">Expire or delete by tag</h2>
      <form id="tag-form">
        <label for="tag">Tag; it concerns everything that is kept under it</label>
        <div class="row"><input id="tag" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="4096" required><button id="expire-tag">Expire…</button><button id="delete-tag" class="danger">Delete…</button></div>
      </form>
      <p class="said" id="tag-said" role="status"></p>
    </section>
    <section aria-labelledby="h-latency">
      <h2 id="h-latency">Latency</h2>
      <p class="about">Of the last calls heard of: each refresh listens to the next thousand at most.</p>
      <table>
        <thead><tr><th scope="col">From</th><th scope="col" class="number">median</th><th scope="col" class="number">p95</th><th scope="col" class="number">p99</th><th scope="col" class="number">calls</th></tr></thead>
        <tbody id="latency"></tbody>
      </table>
    </section>
    <section aria-labelledby="h-ring" id="ring-room" hidden>
      <h2 id="h-ring">Ring</h2>
      <p class="about" id="ring-about"></p>
      <ul class="ring" id="ring"></ul>
    </section>
  </div>
</main>
<footer>Counters are of this process alone, namespaces included. Nothing is measured while nobody looks.</footer>
<dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text">
  <form method="dialog">
    <h2 id="confirm-title"></h2>
    <p id="confirm-text"></p>
    <div class="row"><button value="no" autofocus>Cancel</button><button value="yes" class="danger" id="confirm-yes"></button></div>
  </form>
</dialog>
`
