/** Before each file of tests: the properties of it begin at the seed. */
import fc from 'fast-check'
import { SEED } from './seed.js'

fc.configureGlobal({ seed: SEED })
