/** asyncapi.json as the official parser reads it: nothing in it is wrong, and it names every resource that can be watched. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Parser } from "@asyncapi/parser"
import { expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import { asyncApiDocument } from "../../src/asyncapi.ts"

const text = readFileSync(join(import.meta.dirname, "../../src/api/websocket/asyncapi.json"), "utf8")

test("the official parser finds no fault", async () => {
  const { document, diagnostics } = await new Parser().parse(text)
  // 3.0 is what is asked for, though 3.1 is there.
  const faults = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version")
  expect(faults.map(({ message, path }) => `${path.join("/")}: ${message}`)).toEqual([])
  expect(document?.version()).toBe("3.0.0")
  expect(document?.channels().all().length).toBeGreaterThan(8)
})

test("a fault in it would be found", async () => {
  const broken = text.replace('"action": "receive"', '"action": "listen"')
  const { diagnostics } = await new Parser().parse(broken)
  expect(diagnostics.length).toBeGreaterThan(0)
})

test("every watch is a call at /ws, and a stream at its own place", () => {
  const registry = registryOf(application, { development: false })
  const document = asyncApiDocument(registry) as { channels: Record<string, { address: string }> }
  const watches = [...registry.operations.values()].filter(({ kind }) => kind === "subscription")
  expect(watches.length).toBeGreaterThan(5)
  const addresses = Object.values(document.channels).map(({ address }) => address)
  for (const { rest } of watches) expect(addresses).toContain(`/v1${rest?.path}`)
  const calls = text.match(/"const": "[a-z_]+\.watch"/g) ?? []
  expect(new Set(calls)).toEqual(
    new Set([...watches.map(({ name }) => `"const": "${name}"`), '"const": "inbox.watch"']),
  )
})
