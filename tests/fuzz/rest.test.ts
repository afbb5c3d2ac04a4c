/**
 * Random requests built from and against the OpenAPI document: nothing fails inside, every answer is as the document says, no answer holds
 * a word of another workspace, and what is refused writes nothing. `SEED=… npm run fuzz` draws others, `FUZZ_RUNS=10000` more; it prints
 * the seed and how many requests came to which status.
 */
import { env, exports } from "cloudflare:workers"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { call } from "../support/calls.ts"
import { contractOf } from "./contract.ts"
import { operationsOf } from "./document.ts"
import { type Draft, drafts } from "./requests.ts"
import { actorOf, fingerprint, jsonWithIds, newPlace, type Place, withIds } from "./world.ts"

const settings = env as { readonly SEED?: string; readonly FUZZ_RUNS?: string }
const seed = Number(settings.SEED ?? 20261121)
const runs = Number(settings.FUZZ_RUNS ?? 400)
/** Deletions eat a workspace up; after so many requests its members get a new one. */
const requestsPerPlace = 100

/** Percent-encodes; what UTF-8 does not know goes as the bytes that a broken client would send. */
function encode(text: string): string {
  const characters = [...text].map((one) => (one.isWellFormed() ? encodeURIComponent(one) : "%ED%A0%80"))
  return characters.join("")
}

interface Sent {
  readonly request: Request
  /** The request in words: for a failure's message, and to know what the caller itself said. */
  readonly words: string
}

/** A draft with real ids, as a request. */
function send(draft: Draft, own: Place, foreign: Place, cursor: string): Sent {
  const text = (given: string) => withIds(given.replace("{{cursor}}", cursor), own, foreign)
  const path = draft.operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(text(draft.path[name] ?? "")))
  const query = draft.query.map(([name, value]) => `${encode(name)}=${encode(text(value))}`)
  const bodiless = draft.body === null || draft.method === "GET" || draft.method === "HEAD"
  const body = bodiless ? null : bodyText(draft.body, own, foreign)
  const headers = new Headers({ "CF-Connecting-IP": "203.0.113.9" })
  const actor = actorOf(own, draft.caller)
  if (actor) headers.set("Authorization", `Bearer ${actor.token}`)
  if (body !== null) headers.set("Content-Type", draft.operation.body?.type ?? "application/json")
  for (const [name, value] of Object.entries(draft.headers)) headers.set(name, value)
  const address = path + (query.length > 0 ? `?${query.join("&")}` : "")
  const told = [
    `${draft.caller}: ${draft.method} ${decodeURIComponent(address.replaceAll("%ED%A0%80", "?"))}`,
    JSON.stringify(draft.headers),
    (body ?? "").slice(0, 2000),
  ]
  const url = `https://selvage.test${address}`
  return {
    request: new Request(url, { method: draft.method, headers, body, redirect: "manual" }),
    words: told.join(" "),
  }
}

function bodyText(body: Draft["body"], own: Place, foreign: Place): string | null {
  if (body === null) return null
  return "text" in body ? body.text : JSON.stringify(jsonWithIds(body.json, own, foreign))
}

/** New records are there to be used by later requests. */
function learn(text: string, own: Place): void {
  const [, id, prefix] = /^\{"id":"(([a-z]+)_[^"]+)"/.exec(text) ?? []
  const known = own.ids.get(prefix ?? "")
  if (id !== undefined && known && !known.includes(id)) known.push(id)
}

/** Counts of answers, by class and by operation. */
function tally() {
  const counts = new Map<string, number>()
  const add = (key: string) => void counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    add: (operation: string, status: number) => {
      add(`${Math.floor(status / 100)}xx`)
      add(`${operation} ${status}`)
    },
    of: (key: string) => counts.get(key) ?? 0,
    toString: () =>
      [...counts]
        .map(([key, n]) => `${key}: ${n}`)
        .sort()
        .join(", "),
  }
}

test(`${runs} random requests, seed ${seed}`, { timeout: 60_000 + runs * 200 }, async ({ annotate }) => {
  const document = (await call(null, "GET /openapi.json")).body as JsonObject
  const { models } = registryOf(application, { development: true })
  const secret = `zq${crypto.randomUUID().replaceAll("-", "")}`
  const foreign = await newPlace(secret)
  const words = [secret, ...[...foreign.ids.values()].flat(), foreign.workspace.stranger.id]
  const check = contractOf(document, models, words)
  const counts = tally()
  let own = await newPlace("ours")
  let cursor = "none"
  let sent = 0
  let before: string | null = null
  await fc.assert(
    fc.asyncProperty(drafts(document, operationsOf(document)), async (draft) => {
      sent += 1
      if (sent % requestsPerPlace === 0) {
        // What was theirs is foreign to the new members.
        words.push(...[...own.ids.values()].flat())
        own = await newPlace("ours")
        before = null
      }
      before ??= await fingerprint()
      const { request, words: told } = send(draft, own, foreign, cursor)
      const { status, headers, ...response } = await exports.default.fetch(request).then(async (answer) => ({
        status: answer.status,
        headers: answer.headers,
        text: await answer.text(),
      }))
      const isDescribed = draft.method === draft.operation.method && !/^\.{0,2}$/.test(draft.path.id ?? "id")
      const faults = check({
        operation: draft.operation,
        isDescribed,
        sent: told,
        status,
        headers,
        text: response.text,
      })
      if (status < 400) before = null
      else if ((await fingerprint()) !== before) faults.push("it is refused, and yet something was written")
      if (faults.length > 0)
        throw new Error(`${told}\n  -> ${status} ${response.text.slice(0, 1500)}\n  ${faults.slice(0, 5).join("\n  ")}`)
      counts.add(draft.operation.id, status)
      // An organization is seen by its maker alone, and what the stranger makes by nobody else.
      if (status < 300 && draft.caller !== "stranger" && draft.operation.id !== "organizations.create")
        learn(response.text, own)
      cursor = /"nextCursor":"([^"]+)"/.exec(response.text)?.[1] ?? cursor
    }),
    { seed, numRuns: runs, endOnFailure: true },
  )
  await annotate(`seed ${seed}, ${runs} requests: ${counts}`)
  expect(counts.of("2xx"), "requests that succeed").toBeGreaterThan(runs / 5)
  expect(counts.of("4xx"), "requests that are refused").toBeGreaterThan(runs / 5)
})
