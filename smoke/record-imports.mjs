// Preloaded into a child process: prints the address of everything that gets loaded, as JSON, on exit.
import { registerHooks } from 'node:module'

const loaded = new Set()
registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    loaded.add(resolved.url)
    return resolved
  },
})
process.on('exit', () => process.stdout.write(JSON.stringify([...loaded])))
