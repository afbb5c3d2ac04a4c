/**
 * The protocol's own conformance suite against `/mcp`. What it asks beyond the protocol (tools, prompts and resources of its own fixtures, and features
 * that this server does not offer) is listed here one by one: a failure that is not listed is one, and so is a listed one that passes.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"
import { root } from "../../scripts/local.ts"

const origin = inject("origin")
const { ada } = inject("tokens")

const fixture = {
  reason: "calls a tool of the suite's own fixture, which no product has",
  scenarios: [
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "tools-call-with-progress",
  ],
}
const resources = {
  reason: "reads a resource of the suite's own fixture (test://…)",
  scenarios: ["resources-read-text", "resources-read-binary", "resources-templates-read"],
}
const prompts = {
  reason: "prompts are not offered, and not among the capabilities: what a model is told is the client's",
  scenarios: [
    "prompts-list",
    "prompts-get-simple",
    "prompts-get-with-args",
    "prompts-get-embedded-resource",
    "prompts-get-with-image",
  ],
}
const completion = {
  reason: "completions are not offered: ids are found by the _list tools",
  scenarios: ["completion-complete"],
}

/** What fails, and why that is right, by revision. */
const exceptions = {
  "2026-07-28": [
    fixture,
    resources,
    prompts,
    completion,
    { reason: "asks for prompts/list among others; tools and resources pass", scenarios: ["caching"] },
    { reason: "24 checks pass, 4 want diagnostic tools of the fixture", scenarios: ["server-stateless"] },
    {
      reason: "input-required results are not offered: who has to decide does so on a page of this site",
      scenarios: [
        "input-required-result-basic-elicitation",
        "input-required-result-basic-sampling",
        "input-required-result-basic-list-roots",
        "input-required-result-request-state",
        "input-required-result-multiple-input-requests",
        "input-required-result-multi-round",
        "input-required-result-non-tool-request",
        "input-required-result-result-type",
        "input-required-result-tampered-state",
        "input-required-result-capability-check",
        "input-required-result-missing-input-response",
        "input-required-result-ignore-extra-params",
      ],
    },
  ],
  "2025-11-25": [
    fixture,
    resources,
    prompts,
    completion,
    {
      reason: "logging is not offered: calls are told to the operator, not to clients",
      scenarios: ["logging-set-level", "tools-call-with-logging"],
    },
    {
      reason: "sampling and elicitation need a session that lives on the server; every message here stands alone",
      scenarios: [
        "tools-call-sampling",
        "tools-call-elicitation",
        "elicitation-sep1034-defaults",
        "elicitation-sep1330-enums",
      ],
    },
    {
      reason: "a warning: no session, so none to open several streams of; messages are answered in one piece",
      scenarios: ["server-sse-multiple-streams"],
    },
    {
      reason: "subscriptions need such a session, too; /ws has them",
      scenarios: ["resources-subscribe", "resources-unsubscribe"],
    },
  ],
} as const

/** The suite knows no credential, so what it sends passes through here and gets one. */
let gate: Server
beforeAll(async () => {
  const target = new URL(origin)
  gate = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { host, connection, "content-length": _, "transfer-encoding": __, ...headers } = request.headers
    const sent = Object.entries({ ...headers, authorization: `Bearer ${ada}` } satisfies IncomingHttpHeaders)
    const answer = await fetch(new URL(request.url ?? "/", target), {
      method: request.method ?? "GET",
      headers: sent.map(([name, value]) => [name, String(value)] as [string, string]),
      ...(request.method === "POST" ? { body: Buffer.concat(chunks) } : {}),
    })
    const told = [...answer.headers].filter(([name]) => !/^(content-(encoding|length)|transfer-encoding)$/.test(name))
    response.writeHead(answer.status, Object.fromEntries(told))
    response.end(Buffer.from(await answer.arrayBuffer()))
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => gate.once("listening", resolve))
})
afterAll(() => new Promise((resolve) => gate.close(resolve)))

const program = join(root, "node_modules/@modelcontextprotocol/conformance/dist/index.js")

function run(revision: string, baseline: string): Promise<{ readonly status: number | null; readonly text: string }> {
  const url = `http://127.0.0.1:${(gate.address() as AddressInfo).port}/mcp`
  const options = ["--url", url, "--requirements", revision, "--timeout", "10000", "--expected-failures", baseline]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, "server", ...options], { cwd: root })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => void (text += String(part)))
    child.on("close", (status) => resolve({ status, text }))
  })
}

describe.each(["2026-07-28", "2025-11-25"] as const)("the conformance suite of %s", (revision) => {
  test("finds nothing but what is listed here with its reason", async () => {
    const folder = mkdtempSync(join(tmpdir(), "selvage-mcp-"))
    const baseline = join(folder, "expected.yaml")
    const names = exceptions[revision].flatMap(({ scenarios }) => scenarios)
    writeFileSync(baseline, `server:\n${names.map((name) => `  - ${name}\n`).join("")}`)
    const { status, text } = await run(revision, baseline)
    rmSync(folder, { recursive: true })
    expect(status, text.slice(-4000)).toBe(0)
    console.info(/^Total: .*$/m.exec(text)?.[0], `(${revision})`)
  }, 120_000)
})
