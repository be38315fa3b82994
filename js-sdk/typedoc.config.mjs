import { at, entries } from './scripts/entries.mjs'

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  entryPoints: entries.map(({ stem }) => at(`src/${stem}.ts`)),
  tsconfig: at('tsconfig.build.json'),
  out: at('docs'),
  readme: 'none',
  // Where the sources are on the web is for whoever publishes the pages to say.
  disableSources: true,
  excludeInternal: true,
  // A link that leads nowhere and a type that is used but not exported are faults, as in code.
  validation: { notExported: true, invalidLink: true },
  // Steps of the compiler on the way to a type; nobody writes them.
  intentionallyNotExported: ['IsAny', 'Any', 'AnyClient', 'StoresFor', 'TableOf', 'TypesOf', 'DeviceTableOf'],
  treatWarningsAsErrors: true,
}
