import { parseArgs } from 'node:util'
import { ordinaryDay, outage, stampede } from './acts.ts'
import { readAirports } from './airports.ts'
import { character } from './origin.ts'
import { report } from './report.ts'
import { count, openScreen } from './screen.ts'
import { openStage } from './stage.ts'
import { zipfExponent } from './traffic.ts'

const help = `Usage: demo [--seed <number>] [--quick] [--help]

A service of airport data, once without and once with Holdfast in front of its slow origin: real
HTTP on loopback, about 15 seconds. --seed draws other traffic, --quick runs shorter acts.
Honours NO_COLOR, and prints plain lines in CI and into files.`

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: '42' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (given.help) console.log(help)
else await demo(Number(given.seed), given.quick)

async function demo(seed: number, quick: boolean): Promise<void> {
  const seconds = quick ? 3 : 8
  const down = quick ? { from: 1, to: 2, of: 3 } : { from: 1, to: 4, of: 5 }
  const perSecond = 400

  const data = await readAirports()
  await using stage = await openStage(data, seed)
  const screen = openScreen()

  screen.print(screen.paint('bold', 'Holdfast: one service, with and without a cache'))
  screen.print(
    `${count(data.airports.size)} airports and ${data.countries.size} countries (OurAirports, public domain) behind a slow origin:\n` +
      `median ${character.medianMs} ms, ${character.workers} requests at once, ${character.failing * 100} % of them fail. ` +
      `${perSecond} requests a second by Zipf's law\n(exponent ${zipfExponent}), the same for both, seed ${seed}.\n`,
  )

  const first = screen.follow('1/3 ordinary traffic')
  const ordinary = await ordinaryDay(stage, data, { seconds, perSecond, seed }, first.onProgress)
  first.done()

  const second = screen.follow('2/3 stampede')
  const crowd = await stampede(stage, 500)
  second.done()

  const third = screen.follow('3/3 outage')
  const outageTraffic = {
    seconds: down.of,
    perSecond,
    seed: seed + 1,
    downFrom: down.from,
    downTo: down.to,
  }
  const dark = await outage(stage, data, outageTraffic, third.onProgress)
  third.done()

  screen.print(
    report(
      {
        ordinary: { ...ordinary, seconds },
        stampede: crowd,
        outage: { ...dark, seconds: down.to - down.from },
      },
      screen.paint,
    ),
  )
  screen.print(
    screen.paint('dim', '\nAll that the cache adds is in examples/api-cache/src/cached-api.ts'),
  )
}
