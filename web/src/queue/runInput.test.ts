import { describe, expect, test } from "vitest"
import { parseImageUrls } from "./ImageUrlsField"
import { formatParameters, parseParameters } from "./ParametersField"

describe("parameters", () => {
  test.each([
    ["", {}],
    ['{"threshold": 0.4}', { threshold: 0.4 }],
    ["[1]", null],
    ["null", null],
    ["{threshold: 1}", null],
  ])("%j is %j", (text, expected) => expect(parseParameters(text)).toEqual(expected))

  test("formatParameters is the inverse of parseParameters", () => {
    expect(formatParameters({})).toBe("")
    expect(parseParameters(formatParameters({ a: [1, { b: "c" }] }))).toEqual({
      a: [1, { b: "c" }],
    })
  })
})

describe("image URLs", () => {
  test("are one per line, each once", () => {
    const text = " https://a.example/1.jpg\n\nhttp://a.example/2.jpg\nhttps://a.example/1.jpg\n"
    expect(parseImageUrls(text)).toEqual({
      urls: ["https://a.example/1.jpg", "http://a.example/2.jpg"],
    })
  })

  test("other characters are encoded as they are sent", () => {
    expect(parseImageUrls("https://a.example/Fuchs ü.jpg").urls).toEqual([
      "https://a.example/Fuchs%20%C3%BC.jpg",
    ])
  })

  test.each(["ftp://a.example/1.jpg", "a.example/1.jpg", "https://me:pw@a.example/1.jpg"])(
    "%s is reported with its line",
    (line) => {
      const { problem } = parseImageUrls(`https://a.example/1.jpg\n${line}`)
      expect(problem).toContain("2")
    },
  )

  test("at most 100 are accepted", () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, at) => `https://a.example/${at}.jpg`).join("\n")
    expect(parseImageUrls(lines(100)).problem).toBeUndefined()
    expect(parseImageUrls(lines(101)).problem).toContain("101")
  })
})
