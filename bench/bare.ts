/**
 * The floor: the same calls by handlers written by hand. No router, no policy, no log, no limit; a token is verified once and then found in
 * a map; the statements are those that Selvage sends (see plan.ts). Answers hold what Selvage's hold.
 */
import { createLocalJWKSet, jwtVerify } from "jose"
import type { Bind, Part, Plan, PlannedCall, PlannedTrip } from "./plan.ts"

interface Env {
  readonly DB: D1Database
  readonly PLAN: Plan
  /** Path of the one collection, such as /v1/tasks. */
  readonly COLLECTION: string
  readonly TOKEN_PUBLIC_KEYS: string
  readonly TOKEN_ISSUER: string
  readonly TOKEN_AUDIENCE: string
}

const verified = new Map<string, { user: string; expires: number }>()
let keys: ReturnType<typeof createLocalJWKSet> | undefined

async function authenticate(request: Request, env: Env): Promise<string | null> {
  const header = request.headers.get("authorization")
  if (!header?.startsWith("Bearer ")) return null
  const token = header.slice(7)
  const known = verified.get(token)
  if (known) return known.expires > Date.now() / 1000 ? known.user : null
  keys ??= createLocalJWKSet(JSON.parse(env.TOKEN_PUBLIC_KEYS))
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: env.TOKEN_ISSUER,
      audience: env.TOKEN_AUDIENCE,
      typ: "at+jwt",
      algorithms: ["EdDSA"],
    })
    verified.set(token, { user: payload.sub as string, expires: payload.exp as number })
    return payload.sub as string
  } catch {
    return null
  }
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

/** 26 characters: 48 bits of time, the rest random. */
function typeId(prefix: string): string {
  const random = crypto.getRandomValues(new Uint8Array(16))
  let time = Date.now()
  let text = ""
  for (let n = 0; n < 10; n++) {
    text = alphabet.charAt(time % 32) + text
    time = Math.floor(time / 32)
  }
  for (const byte of random) text += alphabet.charAt(byte & 31)
  return `${prefix}_${text}`
}

interface Call {
  readonly values: Record<string, string>
  readonly fresh: string[]
  readonly now: string
}

function piece(part: Part, call: Call): string {
  if (typeof part === "string") return part
  if ("value" in part) return call.values[part.value] as string
  if ("fresh" in part) return (call.fresh[part.fresh] ??= typeId(part.prefix))
  return part.at === "now" ? call.now : crypto.randomUUID()
}

function bound(bind: Bind, call: Call): string | number | null {
  if (bind === null || typeof bind === "number") return bind
  if (bind.length === 1) return piece(bind[0] as Part, call)
  let text = ""
  for (const part of bind) text += piece(part, call)
  return text
}

async function send(database: D1Database, trip: PlannedTrip, call: Call): Promise<Row[]> {
  const statements = trip.statements.map(({ sql, binds }) =>
    database.prepare(sql).bind(...binds.map((bind) => bound(bind, call))),
  )
  const results =
    trip.how === "batch" ? await database.batch(statements) : [await (statements[0] as D1PreparedStatement).all()]
  return (results[trip.answer] as D1Result<Row>).results
}

type Row = Record<string, unknown>

const pageSize = 20

function named(names: readonly string[], values: readonly unknown[]): Row {
  const record: Row = {}
  for (let n = 0; n < names.length; n++) record[names[n] as string] = values[n]
  return record
}

function unpack(row: Row, related: PlannedCall["related"]): Row {
  for (const column in related) {
    const names = related[column] as readonly string[]
    const value = JSON.parse(row[column] as string)
    row[column] =
      Array.isArray(value[0]) || value.length === 0
        ? value.map((one: unknown[]) => named(names, one))
        : named(names, value)
  }
  return row
}

function page(rows: Row[], related: PlannedCall["related"]): object {
  const items = rows.slice(0, pageSize).map((row) => unpack(row, related))
  const last = items.at(-1)
  return { items, nextCursor: rows.length > pageSize && last ? btoa(`${last.createdAt} ${last.id}`) : null }
}

const json = { headers: { "content-type": "application/json" } }

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const user = await authenticate(request, env)
    if (user === null) return new Response(null, { status: 401 })
    const url = new URL(request.url)
    const values: Record<string, string> = { me: user }
    let route = `${request.method} ${env.COLLECTION}`
    if (request.method === "POST") {
      const body = (await request.json()) as Record<string, unknown>
      if (typeof body.projectId !== "string" || typeof body.title !== "string")
        return new Response(null, { status: 400 })
      values.projectId = body.projectId
      values.title = body.title
    } else if (url.pathname.length > env.COLLECTION.length) {
      values.id = url.pathname.slice(env.COLLECTION.length + 1)
      route += "/:id"
    } else {
      for (const [key, value] of url.searchParams) values[key] = value
      route += `?${[...url.searchParams.keys()].sort().join("&")}`
    }
    const planned = env.PLAN[route]
    if (!planned) return new Response(null, { status: 404 })
    const call: Call = { values, fresh: [], now: new Date().toISOString() }
    let rows: Row[] = []
    for (const trip of planned.trips) rows = await send(env.DB, trip, call)
    if (planned.one && rows.length === 0) return new Response(null, { status: 404 })
    return new Response(JSON.stringify(planned.one ? rows[0] : page(rows, planned.related)), {
      status: planned.status,
      ...json,
    })
  },
}
