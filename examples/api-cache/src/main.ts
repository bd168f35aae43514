import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ordinaryDay, outage, stampede } from './acts.ts'
import { type AirportData, readAirports } from './airports.ts'
import { type Arguments, help, readArguments } from './arguments.ts'
import { character } from './origin.ts'
import { report } from './report.ts'
import { count, openScreen } from './screen.ts'
import { openStage } from './stage.ts'
import { zipfExponent } from './traffic.ts'

const perSecond = 400

/** Lengths in seconds; the origin is down from `darkFrom` to `darkTo` of the third act. */
const whole = { ordinary: 8, outage: 5, darkFrom: 1, darkTo: 4 }
const quick = { ordinary: 3, outage: 3, darkFrom: 1, darkTo: 2 }

/** A pause of this process beyond which the figures say as much about the machine as about the services. */
const tellingPauseMs = 300

const given = argumentsOrAdvice()
if (given?.help) console.log(help)
else if (given !== undefined) await demo(given.seed, given.quick ? quick : whole)

function argumentsOrAdvice(): Arguments | undefined {
  try {
    return readArguments(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`)
    process.exitCode = 1
    return undefined
  }
}

async function demo(seed: number, lengths: typeof whole): Promise<void> {
  const data = await readAirports()
  const screen = openScreen()
  await using stage = await openStage(data, seed)
  const pauses = monitorEventLoopDelay()
  pauses.enable()

  screen.print(screen.paint('bold', 'Holdfast: one service, with and without a cache'))
  screen.print(introduction(data, seed))

  const first = screen.follow('1/3 ordinary traffic')
  const dayTraffic = { seconds: lengths.ordinary, perSecond, seed }
  const day = await ordinaryDay(stage, data, dayTraffic, first.onProgress)
  first.done()

  const second = screen.follow('2/3 stampede')
  const crowd = await stampede(stage, 500)
  second.done()

  const third = screen.follow('3/3 outage')
  const darkness = { downFrom: lengths.darkFrom, downTo: lengths.darkTo }
  const darkTraffic = { seconds: lengths.outage, perSecond, seed: seed + 1, ...darkness }
  const dark = await outage(stage, data, darkTraffic, third.onProgress)
  third.done()

  const results = {
    ordinary: { ...day, seconds: lengths.ordinary },
    stampede: crowd,
    outage: { ...dark, seconds: lengths.darkTo - lengths.darkFrom },
  }
  screen.print(report(results, screen.paint))
  if (pauses.max > tellingPauseMs * 1e6) screen.print(busyNote(pauses.max / 1e6))
  const hint = '\nAll that the cache adds is in examples/api-cache/src/cached-api.ts'
  screen.print(screen.paint('dim', hint))
}

function introduction({ airports, countries }: AirportData, seed: number): string {
  const { medianMs, workers, failing } = character
  return `${count(airports.size)} airports in ${countries.size} countries and territories, from OurAirports (public domain),
behind a slow origin: median ${medianMs} ms, ${workers} requests at once, ${failing * 100} % of them fail.
Both services get the same ${perSecond} requests a second, by Zipf's law (exponent ${zipfExponent}), seed ${seed}.
`
}

const busyNote = (pauseMs: number): string =>
  `This machine was busy: it paused the demo for up to ${count(Math.round(pauseMs))} ms, and the latencies show it.`
