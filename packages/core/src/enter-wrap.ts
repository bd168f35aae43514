import { assertOpen } from './close.ts'
import type { Tracing } from './observe/tracing.ts'
import type { Engine } from './read/engine.ts'
import { type WrapCall, wrap } from './read/wrap.ts'
import { type WrapManyCall, wrapMany } from './read/wrap-many.ts'

/** The way of a checked call that may load into `read/`: once the cache is open, and with a span if somebody draws them. */
export function enterWrap(engine: Engine, call: WrapCall): Promise<unknown> {
  if (engine.opening !== undefined) return enterOnceOpen(engine, engine.opening, call)
  const { tracing } = engine.observer
  return tracing === undefined ? wrap(engine, call) : traced(tracing, engine, call)
}

async function enterOnceOpen(
  engine: Engine,
  opening: Promise<void>,
  call: WrapCall,
): Promise<unknown> {
  await opening
  assertOpen(engine, call.scope)
  return enterWrap(engine, call)
}

// Apart, so that its closure costs nothing where nobody draws spans.
function traced(tracing: Tracing, engine: Engine, call: WrapCall): Promise<unknown> {
  return tracing.call('wrap', 1, () => wrap(engine, call))
}

export async function enterWrapMany(
  engine: Engine,
  call: WrapManyCall,
): Promise<Map<string, unknown>> {
  if (engine.opening !== undefined) await engine.opening
  const { tracing } = engine.observer
  return tracing === undefined
    ? wrapMany(engine, call)
    : tracing.call('wrapMany', call.keys.length, () => wrapMany(engine, call))
}
