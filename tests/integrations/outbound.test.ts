/** Calls out: what leads inside is refused in every spelling before anything is sent, and nobody who is called can hold or flood a job. */
import { describe, expect, test } from "vitest"
import { type OutboundInit, outboundFetch } from "../../src/integrations/outbound.ts"
import { dnsOverHttps } from "../../src/integrations/resolve.ts"

/** A world with these names; `answer` stands for whoever is called. */
function outside(
  names: Record<string, readonly string[]> = { "example.com": ["93.184.215.14", "2606:2800:21f::1"] },
  answer: (url: string, init: RequestInit) => Response | Promise<Response> = () => new Response("hello"),
  loopback = false,
) {
  const called: { url: string; init: RequestInit }[] = []
  const resolved: string[] = []
  const fetch = outboundFetch({
    loopback,
    resolve: async (name) => {
      resolved.push(name)
      return names[name] ?? []
    },
    fetch: async (url, init) => {
      called.push({ url, init })
      return answer(url, init)
    },
  })
  return { called, resolved, fetch }
}

const literals = [
  "http://127.0.0.1/",
  "http://127.1/",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0x7f.1/",
  "http://0177.0.0.1/",
  "http://017700000001/",
  "http://127.0.0.1./",
  "http://127.255.255.254/",
  "http://0/",
  "http://0.0.0.0/",
  "http://①②⑦.⓪.⓪.①/",
  "http://%31%32%37.0.0.1/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[::ffff:10.0.0.1]/",
  "http://[::ffff:8.8.8.8]/",
  "http://[::127.0.0.1]/",
  "http://[64:ff9b::10.0.0.1]/",
  "http://[2002:7f00:1::]/",
  "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
  "http://[2001:db8::1]/",
  "http://[3fff::1]/",
  "http://[fe80::1]/",
  "http://[fec0::1]/",
  "http://[fc00::1]/",
  "http://[fd12:3456::1]/",
  "http://[fd00:ec2::254]/",
  "http://[ff02::1]/",
  "http://10.0.0.1/",
  "http://0xa.0.0.1/",
  "http://100.64.0.1/",
  "http://169.254.169.254/latest/meta-data/",
  "http://0xa9fea9fe/",
  "http://2852039166/",
  "http://172.16.0.1/",
  "http://172.31.255.255/",
  "http://192.0.0.192/",
  "http://192.168.1.1/",
  "http://198.18.0.1/",
  "http://203.0.113.5/",
  "http://224.0.0.1/",
  "http://255.255.255.255/",
  "https://localhost/",
  "https://LOCALHOST./",
  "https://db.localhost/",
  "https://printer.local/",
  "https://metadata.google.internal/",
  "https://vault.internal./",
  "https://router.home.arpa/",
  "https://intranet/",
]

describe("a private address", () => {
  test.each(literals)("%s is refused, and neither resolved nor called", async (url) => {
    const { called, resolved, fetch } = outside()
    await expect(fetch(url)).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    expect(called).toEqual([])
    expect(resolved).toEqual([])
  })

  test.each([
    [["10.0.0.7"]],
    [["93.184.215.14", "127.0.0.1"]],
    [["93.184.215.14", "::1"]],
    [["93.184.215.14", "::ffff:169.254.169.254"]],
    [["fd00::1"]],
    [["169.254.169.254"]],
    [["no-address"]],
  ])("behind a name (%j) is refused, also beside public ones", async (addresses) => {
    const { called, fetch } = outside({ "rebound.example": addresses })
    await expect(fetch("https://rebound.example/")).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    expect(called).toEqual([])
  })
})

describe("a public address", () => {
  test.each([
    "https://example.com/a?b=c",
    "https://example.com./",
    "http://93.184.215.14/",
    "http://[2606:2800:21f::1]/",
  ])("%s is called, without following anything", async (url) => {
    const { called, fetch } = outside()
    const answer = await fetch(url, { method: "POST", body: "x" })
    expect(await answer.text()).toBe("hello")
    expect(called).toMatchObject([{ init: { method: "POST", redirect: "manual" } }])
  })

  test("172.15 and 172.32, 100.63 and 100.128, 2001:200 stand beside private blocks and are called", async () => {
    const { called, fetch } = outside()
    const hosts = ["172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "[2001:200::1]", "11.0.0.0"]
    for (const host of hosts) await fetch(`http://${host}/`)
    expect(called).toHaveLength(hosts.length)
  })

  test("a name that does not exist is tried again later; it is not called", async () => {
    const { called, fetch } = outside({})
    await expect(fetch("https://gone.example/")).rejects.toMatchObject({ code: "UNAVAILABLE" })
    expect(called).toEqual([])
  })
})

describe("what is no address of the web", () => {
  test.each([
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://x",
    "not an address",
    "//a",
    "",
  ])("%j is refused", async (url) => {
    const { called, fetch } = outside()
    await expect(fetch(url)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(called).toEqual([])
  })

  test("neither is one with a password in it", async () => {
    await expect(outside().fetch("https://me:secret@example.com/")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
  })
})

describe("whoever is called", () => {
  test.each([301, 302, 303, 307, 308])("cannot lead on with %d", async (status) => {
    const { called, fetch } = outside(
      undefined,
      () => new Response(null, { status, headers: { Location: "http://169.254.169.254/" } }),
    )
    await expect(fetch("https://example.com/")).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    expect(called).toHaveLength(1)
  })

  test("cannot hang: the deadline holds before the answer", async () => {
    const { fetch } = outside(undefined, () => new Promise(() => undefined))
    await expect(fetch("https://example.com/", { timeoutMs: 30 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" })
  })

  test("cannot hang within the answer", async () => {
    const drip = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }))
    const { fetch } = outside(undefined, drip)
    await expect(fetch("https://example.com/", { timeoutMs: 30 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" })
  })

  test("cannot flood: over 1 MiB nothing is kept, and the rest is not read", async () => {
    let sent = 0
    const flood = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            sent += 65_536
            controller.enqueue(new Uint8Array(65_536))
          },
        }),
      )
    const { fetch } = outside(undefined, flood)
    await expect(fetch("https://example.com/")).rejects.toMatchObject({ code: "OUT_OF_RANGE" })
    expect(sent).toBeLessThan(1.5 * 1024 * 1024)
    const cut = await fetch("https://example.com/", { cutAt: 100 })
    expect((await cut.bytes()).length).toBe(100)
  })

  test("may answer 1 MiB, nothing, and an error", async () => {
    const answers: [Response, number, number][] = [
      [new Response(new Uint8Array(1024 * 1024)), 200, 1024 * 1024],
      [new Response(null, { status: 204 }), 204, 0],
      [new Response("no", { status: 500 }), 500, 2],
    ]
    for (const [response, status, size] of answers) {
      const answer = await outside(undefined, () => response).fetch("https://example.com/")
      expect([answer.status, (await answer.bytes()).length]).toEqual([status, size])
    }
  })

  test("may not be there at all: UNAVAILABLE, without the address in the words", async () => {
    const { fetch } = outside(undefined, () => Promise.reject(new TypeError("connect example.com:443 refused")))
    const fault = await fetch("https://example.com/?token=abc").catch((thrown: Error) => thrown)
    expect(fault).toMatchObject({ code: "UNAVAILABLE" })
    expect((fault as Error).message).not.toMatch(/example|token/)
  })

  test("is left when the caller gives up", async () => {
    const controller = new AbortController()
    const init: OutboundInit = { signal: controller.signal }
    const { fetch } = outside(undefined, () => new Promise(() => undefined))
    const call = fetch("https://example.com/", init)
    controller.abort()
    await expect(call).rejects.toMatchObject({ code: "CANCELLED" })
  })
})

describe("for local trials", () => {
  test("this machine may be called, and still no other network", async () => {
    const { called, resolved, fetch } = outside({}, undefined, true)
    for (const url of ["http://localhost:9000/", "http://127.0.0.1:9000/", "http://[::1]/", "http://a.localhost/"])
      await fetch(url)
    expect(called).toHaveLength(4)
    expect(resolved).toEqual([])
    for (const url of ["http://10.0.0.1/", "http://169.254.169.254/", "http://0.0.0.0/", "http://a.internal/"])
      await expect(fetch(url)).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    expect(called).toHaveLength(4)
  })
})

describe("names over HTTPS", () => {
  const answering = (answers: Record<string, unknown>, status = 200) =>
    dnsOverHttps(async (url) => {
      const query = new URL(url).searchParams
      return Response.json(answers[`${query.get("name")} ${query.get("type")}`] ?? { Status: 3 }, { status })
    })
  const signal = new AbortController().signal

  test("gives every address of both families, and no names on the way", async () => {
    const resolve = answering({
      "a.example A": {
        Status: 0,
        Answer: [
          { type: 5, data: "b.example." },
          { type: 1, data: "192.0.2.1" },
          { type: 1, data: "192.0.2.2" },
        ],
      },
      "a.example AAAA": { Status: 0, Answer: [{ type: 28, data: "2001:db8::1" }] },
    })
    expect(await resolve("a.example", signal)).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
    expect(await resolve("gone.example", signal)).toEqual([])
  })

  test.each([
    ["a failure of the resolver", { "a.example A": { Status: 2 } }, 200],
    ["an answer that is none", { "a.example A": "no" }, 200],
    ["an error", {}, 503],
  ])("%s is no proof that a name is harmless: UNAVAILABLE", async (_, answers, status) => {
    await expect(answering(answers, status)("a.example", signal)).rejects.toMatchObject({ code: "UNAVAILABLE" })
  })
})
