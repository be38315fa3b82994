import { at, entries } from './scripts/entries.mjs'

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  entryPoints: entries.map(({ stem }) => at(`src/${stem}.ts`)),
  tsconfig: at('tsconfig.build.json'),
  out: at('docs'),
  readme: 'none',
  excludeInternal: true,
  // A link that leads nowhere and a type that is used but not exported are faults, as in code.
  validation: { notExported: true, invalidLink: true },
  treatWarningsAsErrors: true,
}
