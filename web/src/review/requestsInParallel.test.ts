import { describe, expect, it } from "vitest"
import { mapInParallel } from "./requestsInParallel"

describe("mapInParallel", () => {
  it("runs six requests at a time and keeps the order", async () => {
    let running = 0
    let most = 0
    const numbers = Array.from({ length: 20 }, (_, at) => at)
    const doubled = await mapInParallel(numbers, async (number) => {
      running += 1
      most = Math.max(most, running)
      for (let turn = 0; turn < 20 - number; turn += 1) await Promise.resolve()
      running -= 1
      return 2 * number
    })
    expect(doubled).toEqual(numbers.map((number) => 2 * number))
    expect(most).toBe(6)
  })

  it("throws the first failure and starts no other request", async () => {
    const started: number[] = []
    const all = mapInParallel(
      Array.from({ length: 20 }, (_, at) => at),
      async (number) => {
        started.push(number)
        await Promise.resolve()
        if (number === 0) throw new Error("failed")
      },
    )
    await expect(all).rejects.toThrow("failed")
    expect(started.length).toBeLessThan(20)
  })
})
