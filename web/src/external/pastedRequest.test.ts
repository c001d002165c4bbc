import { describe, expect, test } from "vitest"
import { getHeader, parseRequest } from "./pastedRequest"

describe("curl", () => {
  test("a call with headers and a body", () => {
    const read = parseRequest(
      `curl -X PATCH 'https://example.org/api/analyses/7/status?x=1' \\
        -H 'X-ML-Timestamp: 1767225600' -H "X-ML-Signature: v2=ab" --data-raw '{"status": "processing"}'`,
    )
    expect(read).toEqual({
      method: "PATCH",
      target: "/api/analyses/7/status?x=1",
      headers: [
        ["X-ML-Timestamp", "1767225600"],
        ["X-ML-Signature", "v2=ab"],
      ],
      body: '{"status": "processing"}',
      notes: [],
    })
    expect(getHeader(read, "x-ml-signature")).toBe("v2=ab")
    expect(getHeader(read, "x-ml-nonce")).toBe("")
  })

  test.each([
    ["curl https://example.org", "GET", "/", ""],
    ["curl -d a=1 -d b=2 https://example.org/x", "POST", "/x", "a=1&b=2"],
    ["curl --json '{\"a\":1}' example.org/x", "POST", "/x", '{"a":1}'],
    ["curl -G -d a=1 'https://example.org/x?b=2'", "GET", "/x?b=2&a=1", ""],
    ["curl -I https://example.org/x", "HEAD", "/x", ""],
    ["curl -T file https://example.org/x", "PUT", "/x", ""],
    ["curl -sSXDELETE https://example.org/x", "DELETE", "/x", ""],
    ["curl --max-time 5 -o out https://example.org/x | tee -d a=1", "GET", "/x", ""],
    ["$ curl -d $'a\\nb' https://example.org/x#top", "POST", "/x", "a\nb"],
    ['curl -d "a\\"b" https://example.org/x', "POST", "/x", 'a"b'],
  ])("%s", (text, method, target, body) => {
    expect(parseRequest(text)).toMatchObject({ method, target, body })
  })

  test.each([
    ["curl -d @body.json https://example.org/x", "file"],
    ["curl -F a=@b https://example.org/x", "form"],
    ["curl -H 'X-ML-Signature: $SIG' https://example.org/x", "variable"],
    ["curl -H 'X-ML-Nonce: 1' -H 'x-ml-nonce: 2' https://example.org/x", "repeated"],
  ])("%s has the note %s", (text, note) => {
    expect(parseRequest(text).notes).toEqual([note])
  })
})

describe("raw HTTP", () => {
  test("a request line, headers and a body", () => {
    const text =
      "POST /api/x HTTP/1.1\r\nHost: example.org\r\nX-ML-Nonce:  7 \r\n\r\nline 1\r\nline 2"
    expect(parseRequest(text)).toEqual({
      method: "POST",
      target: "/api/x",
      headers: [
        ["Host", "example.org"],
        ["X-ML-Nonce", "7"],
      ],
      body: "line 1\nline 2",
      notes: [],
    })
  })

  test("headers alone", () => {
    expect(parseRequest("X-ML-Signature: v2=ab")).toMatchObject({
      method: "",
      target: "",
      headers: [["X-ML-Signature", "v2=ab"]],
      notes: [],
    })
  })

  test("anything else is unread", () => {
    expect(parseRequest("This did not work.").notes).toEqual(["unread"])
  })
})
