import { defineConfig, type Options } from 'tsup'

/**
 * The one place that says how a package is built: ESM and types, no CommonJS twin
 * (docs/decisions/0001-esm-only.md). `entry` maps a file name in dist/ to its source.
 */
export const buildConfig = (entry: Record<string, string>): Options =>
  defineConfig({
    entry,
    format: ['esm'],
    dts: true,
    target: 'node20',
    platform: 'node',
    tsconfig: '../../tsconfig.base.json',
    sourcemap: true,
    // Nothing from node_modules is ever inlined: what a package pulls in stays visible to the boundary test.
    skipNodeModulesBundle: true,
    removeNodeProtocol: false,
    splitting: true,
    treeshake: true,
    clean: true,
  }) as Options
