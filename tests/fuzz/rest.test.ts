/**
 * Random requests built from and against the OpenAPI document: nothing fails inside, every answer is as the document says, no answer holds
 * a word of another workspace, and what is refused writes nothing. `SEED=… FUZZ_RUNS=… npm test` draws others, or more.
 */
import { env, exports } from "cloudflare:workers"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { call } from "../support/calls.ts"
import { contractOf, type Exchange } from "./contract.ts"
import { operationsOf } from "./document.ts"
import { type Draft, drafts } from "./requests.ts"
import { actorOf, fingerprint, jsonWithIds, newPlace, type Place, withIds } from "./world.ts"

const settings = env as { SEED?: string; FUZZ_RUNS?: string }
const seed = Number(settings.SEED ?? 20261121)
const runs = Number(settings.FUZZ_RUNS ?? 400)
/** Deletions eat the workspace up; after so many requests the members get a new one. */
const requestsPerPlace = 80

const tally = { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 }
const statuses = new Map<string, number>()

/** Percent-encodes; what UTF-8 does not know goes as the bytes that a broken client would send. */
function encode(text: string): string {
  return [...text].map((character) => (character.isWellFormed() ? encodeURIComponent(character) : "%ED%A0%80")).join("")
}

function bodyText(draft: Draft, own: Place, foreign: Place): string | null {
  if (draft.body === null || draft.method === "GET" || draft.method === "HEAD") return null
  return "text" in draft.body ? draft.body.text : JSON.stringify(jsonWithIds(draft.body.json, own, foreign))
}

function requestOf(draft: Draft, own: Place, foreign: Place, cursor: string): { request: Request; sent: string } {
  const path = draft.operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encode(withIds(draft.path[name] ?? "", own, foreign)),
  )
  const query = draft.query.map(
    ([name, text]) => `${encode(name)}=${encode(withIds(text.replace("{{cursor}}", cursor), own, foreign))}`,
  )
  const body = bodyText(draft, own, foreign)
  const headers = new Headers({ "CF-Connecting-IP": "203.0.113.9" })
  const actor = actorOf(own, draft.caller)
  if (actor) headers.set("Authorization", `Bearer ${actor.token}`)
  if (body !== null) headers.set("Content-Type", draft.operation.body?.type ?? "application/json")
  for (const [name, value] of Object.entries(draft.headers)) headers.set(name, value)
  const url = `https://selvage.test${path}${query.length > 0 ? `?${query.join("&")}` : ""}`
  const sent = `${draft.caller}: ${draft.method} ${decodeURIComponent(url.replaceAll("%ED%A0%80", "?"))} ${JSON.stringify(draft.headers)} ${(body ?? "").slice(0, 2000)}`
  return { request: new Request(url, { method: draft.method, headers, body, redirect: "manual" }), sent }
}

const aside = { logs: [] as string[] }
afterAll(() => console.info(aside.logs.join("\n")))

test(`${runs} random requests (SEED=${seed}, FUZZ_RUNS=${runs})`, { timeout: 60_000 + runs * 100 }, async ({
  annotate,
}) => {
  const document = (await call(null, "GET /openapi.json")).body as JsonObject
  const operations = operationsOf(document)
  const { models } = registryOf(application, { development: true })
  const secret = `zq${crypto.randomUUID().replaceAll("-", "")}`
  const foreign = await newPlace(secret)
  const words = [secret, ...[...foreign.ids.values()].flat(), foreign.workspace.stranger.id]
  let own = await newPlace("ours")
  let check = contractOf(document, models, words)
  let cursor = "none"
  let count = 0
  await fc.assert(
    fc.asyncProperty(drafts(document, operations), async (draft) => {
      if (++count % requestsPerPlace === 0) {
        // The place that they had is foreign to them from now on.
        words.push(...[...own.ids.values()].flat())
        own = await newPlace("ours")
        check = contractOf(document, models, words)
      }
      const before = await fingerprint()
      const { request, sent } = requestOf(draft, own, foreign, cursor)
      const response = await exports.default.fetch(request)
      const text = await response.text()
      const isDescribed = draft.method === draft.operation.method && !draft.path.id?.match(/^\.{0,2}$/)
      const exchange: Exchange = {
        operation: draft.operation,
        isDescribed,
        sent,
        status: response.status,
        headers: response.headers,
        text,
      }
      const faults = check(exchange)
      if (response.status >= 400 && (await fingerprint()) !== before)
        faults.push("it is refused, and yet something was written")
      if (faults.length > 0)
        throw new Error(`${sent}\n  -> ${response.status} ${text.slice(0, 1500)}\n  ${faults.slice(0, 5).join("\n  ")}`)
      tally[`${Math.floor(response.status / 100)}xx` as keyof typeof tally] += 1
      statuses.set(
        `${draft.operation.id} ${response.status}`,
        (statuses.get(`${draft.operation.id} ${response.status}`) ?? 0) + 1,
      )
      if (response.ok) learn(text, own)
      cursor = /"nextCursor":"([^"]+)"/.exec(text)?.[1] ?? cursor
    }),
    { seed, numRuns: runs, endOnFailure: true },
  )
  aside.logs.push(
    `fuzz: seed ${seed}, ${runs} requests, ${JSON.stringify(tally)}`,
    [...statuses]
      .sort()
      .map(([key, n]) => `${key}: ${n}`)
      .join(", "),
  )
  await annotate(aside.logs[0] ?? "")
  expect(tally["2xx"], "requests that succeed").toBeGreaterThan(runs / 5)
  expect(tally["4xx"], "requests that are refused").toBeGreaterThan(runs / 5)
})

/** New records are there to be used by later requests. */
function learn(text: string, own: Place): void {
  const id = /^\{"id":"([a-z]+)_/.exec(text)?.[1]
  const whole = /^\{"id":"([^"]+)"/.exec(text)?.[1]
  if (id !== undefined && whole !== undefined) own.ids.get(id)?.push(whole)
}
