import { expect, test } from "vitest"
import { createBatchLoader } from "./sequenceBatches"

test("calls of one turn share a request of limited size, and each gets its own value", async () => {
  const asked: number[][] = []
  const load = createBatchLoader(async (keys: number[]) => {
    asked.push(keys)
    return keys.map((key) => `value ${key}`)
  }, 3)
  expect(await Promise.all([1, 2, 3, 4].map(load))).toEqual([
    "value 1",
    "value 2",
    "value 3",
    "value 4",
  ])
  expect(await load(5)).toBe("value 5")
  expect(asked).toEqual([[1, 2, 3], [4], [5]])
})

test("a failure reaches each call of its request, and the next request is sent", async () => {
  let isBroken = true
  const load = createBatchLoader(async (keys: number[]) => {
    if (isBroken) throw new Error("no network")
    return keys
  }, 9)
  const both = await Promise.allSettled([load(1), load(2)])
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"])
  isBroken = false
  expect(await load(1)).toBe(1)
})
