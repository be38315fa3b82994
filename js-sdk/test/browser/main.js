/** A page that does nothing by itself: the tests in `tests/browser` call what it puts in their reach. */
import { tools } from './tools.js'

// Said by each page for itself: the package has no side effects, so an import alone would be left out of the build.
Object.assign(globalThis, tools)
