/** Loads what is asked for at the same time together: a slow network limits requests, not bytes. */

interface Waiting<Key, Value> {
  key: Key
  resolve: (value: Value) => void
  reject: (error: unknown) => void
}

/**
 * Return a function that loads one value; calls of the same turn share a call of `loadAll`.
 *
 * `loadAll` gets at most `most` keys and returns their values in the same order. If it fails, all of
 * its calls fail.
 */
export function createBatchLoader<Key, Value>(
  loadAll: (keys: Key[]) => Promise<Value[]>,
  most: number,
): (key: Key) => Promise<Value> {
  let waiting: Waiting<Key, Value>[] = []
  const send = () => {
    const all = waiting
    waiting = []
    for (let start = 0; start < all.length; start += most) {
      const batch = all.slice(start, start + most)
      loadAll(batch.map(({ key }) => key)).then(
        (values) => {
          for (const [at, one] of batch.entries()) one.resolve(values[at] as Value)
        },
        (error) => {
          for (const one of batch) one.reject(error)
        },
      )
    }
  }
  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setTimeout(send)
      waiting.push({ key, resolve, reject })
    })
}
