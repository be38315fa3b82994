/** The only waiting there is: try until the check passes, or say why it doesn't. Gives what the check gives. */
export async function eventually<T>(check: () => T | Promise<T>, within = 20_000): Promise<T> {
  const deadline = performance.now() + within
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((done) => setTimeout(done, 5))
    }
  }
}
