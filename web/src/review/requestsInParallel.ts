/** Runs requests about many images, a limited number of them at a time. */

/** The number of connections that browsers open to one HTTP/1.1 server. */
const MAX_PARALLEL = 6

/**
 * Return the results in the order of `items`. The first failure is thrown, and no request starts
 * after it.
 */
export async function mapInParallel<Item, Result>(
  items: readonly Item[],
  request: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const rest = items.entries()
  let isFailed = false
  const work = async () => {
    for (const [at, item] of rest) {
      if (isFailed) return
      try {
        results[at] = await request(item)
      } catch (error) {
        isFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: MAX_PARALLEL }, work))
  return results
}
