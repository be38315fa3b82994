/**
 * The entries of the package, read from the `exports` of package.json: the one place that lists them. Each is
 * built from the source of the same name, so `./react` with `./dist/react/index.js` is made of
 * `src/react/index.ts`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The path of a file of the package. */
export const at = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url))

const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'))

/** What the app brings or installs beside: never built into the package. With subpaths (`lib0/encoding`). */
export const external = [
  /^node:/,
  ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).map(
    (name) => new RegExp(`^${name}(/|$)`),
  ),
]

/** Every entry: its name for importers (`./react`), and its path below `src` and `dist` (`react/index`). */
export const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string')
  .map(([name, { default: built }]) => {
    const stem = built.replace(/^\.\/dist\/(.*)\.js$/, '$1')
    if (!existsSync(at(`src/${stem}.ts`)))
      throw new Error(`package.json exports ${name}, but there is no src/${stem}.ts to build it from`)
    return { name, stem }
  })
