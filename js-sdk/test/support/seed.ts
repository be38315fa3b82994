/**
 * Where everything that tests draw at random begins. A run of all tests says the same twice; with FUZZ set (`make fuzz`)
 * each run begins elsewhere, and CHAOS_SEED repeats one.
 */
const FUZZ = process.env['FUZZ'] !== undefined

export const SEED = Number(process.env['CHAOS_SEED'] ?? (FUZZ ? Date.now() % 2 ** 31 : 20_251_126))
