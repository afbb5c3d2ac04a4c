/**
 * Every operation, the engine's too, through every door that serves it, in every situation in which it may not go through. The registry is walked, so
 * an operation stands in the matrix the moment it is declared.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { admit } from "../../src/core/admission.ts"
import { codes } from "../../src/core/code.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { anonymous, type Principal } from "../../src/core/principal.ts"
import { Problem } from "../../src/core/problem.ts"
import type { CompiledOperation } from "../../src/core/registry.ts"
import { clients, drain, registry, rows, tokenOf } from "./clients.ts"
import type { DoorClient, Ending } from "./doors/door.ts"
import { knownIds, validInput } from "./inputs.ts"
import { type DoorName, doorNames, nobodyOf, organizationId, strangerOf } from "./people.ts"

const exhaustion = "RESOURCE_EXHAUSTED"
let all: readonly DoorClient[] = []
let ids: ReadonlyMap<string, string> = new Map()
let ada = ""
const exhausted = nobodyOf(1)
const tokens = new Map<string, string>()
/** Calls that were refused: none of them may stand in the log. */
const refused = new Set<string>()
let calls = 0

/** Who calls in a situation, and as whom the declaration judges them; null where no principal is asked. */
interface Situation {
  token(door: DoorName): string | null
  readonly principal: (door: DoorName) => Principal
  /** The code whatever the operation says. */
  readonly always?: string
}

const user = (id: string, scopes?: readonly string[]): Principal => ({
  kind: "user",
  id,
  roles: [],
  ...(scopes === undefined ? {} : { scopes }),
})

const situations: Readonly<Record<string, Situation>> = {
  anonymous: { token: () => null, principal: () => anonymous },
  "expired token": { token: () => tokens.get("expired") ?? "", principal: () => anonymous, always: "UNAUTHENTICATED" },
  "owner of another organization": {
    token: (door) => tokens.get(`stranger ${door}`) ?? "",
    principal: (door) => user(strangerOf(door)),
  },
  "a scope that does not reach": {
    token: () => tokens.get("elsewhere") ?? "",
    principal: () => user(ada, ["elsewhere:write"]),
    always: "PERMISSION_DENIED",
  },
  "a scope to read": { token: () => tokens.get("reading") ?? "", principal: () => user(ada, ["*:read"]) },
  "over the limit": {
    token: () => tokens.get("exhausted") ?? "",
    principal: () => user(exhausted),
    always: exhaustion,
  },
}

beforeAll(async () => {
  all = await clients()
  ids = await knownIds(registry)
  ada = (await rows<{ id: string }>(`select "id" from "users" where "email" = 'ada@example.com'`))[0]?.id ?? ""
  tokens.set("expired", await tokenOf(ada, { expiresIn: -600 }))
  tokens.set("elsewhere", await tokenOf(ada, { scope: "elsewhere:write" }))
  tokens.set("reading", await tokenOf(ada, { scope: "*:read" }))
  tokens.set("exhausted", await tokenOf(exhausted))
  for (const door of doorNames) tokens.set(`stranger ${door}`, await tokenOf(strangerOf(door)))
  // A socket is counted when it opens, so it opens before there is nothing left.
  const old = registry.operations.get("echo.old") as CompiledOperation
  for (const client of all) await client.call({ token: tokens.get("exhausted") ?? "", operation: old, input: {} })
  await drain(exhausted)
})
afterAll(async () => {
  for (const one of all) await one.close()
})

/** What the declaration says of somebody like that; null: let in, so that records and what the handler knows decide. */
function judged(operation: CompiledOperation, principal: Principal, input: JsonObject): string | null {
  try {
    const valid = operation.input.parse(input) as JsonObject
    admit(registry, operation, principal, valid, new Date())
    return null
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown.code
    throw thrown
  }
}

/** How a call of somebody who was let in may end: never with a fault of ours. */
const faults: ReadonlySet<string> = new Set(["INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "CANCELLED"])
const decent: ReadonlySet<string> = new Set(["OK", ...codes.filter((code) => !faults.has(code))])

async function through(
  client: DoorClient,
  operation: CompiledOperation,
  situation: Situation,
  input: JsonObject,
): Promise<Ending> {
  calls++
  const ending = await client.call({ token: situation.token(client.name), operation, input })
  if (ending.code !== "OK" && ending.told.requestId !== null) refused.add(ending.told.requestId)
  return ending
}

/** Where the calls of the matrix are too many by themselves: guesses at authentication, and what has fewer calls than there are doors. */
function isScarce({ name, limits }: CompiledOperation, doors: number): boolean {
  const tokens = limits.early.flatMap(({ allowances }) => [...allowances.values()].map((one) => one.tokens))
  return name.startsWith("auth.") || Math.min(...tokens) < doors
}

/** MCP lets nobody in who is nobody, whatever they ask for. */
function expectedOf(client: DoorClient, operation: CompiledOperation, name: string, input: JsonObject): string | null {
  const situation = situations[name] as Situation
  if (client.name === "mcp" && name === "anonymous") return "UNAUTHENTICATED"
  return situation.always ?? judged(operation, situation.principal(client.name), input)
}

const operations = [...registry.operations.values()].filter(({ kind }) => kind !== "subscription")

describe.each(Object.keys(situations))("%s", (name) => {
  const situation = situations[name] as Situation
  test.each(operations.map((operation) => [operation.name, operation] as const))("%s", async (_, operation) => {
    const input = validInput(operation, ids)
    const served = all.filter((client) => client.serves(operation))
    const endings = await Promise.all(served.map((client) => through(client, operation, situation, input)))
    const ended = Object.fromEntries(served.map((client, n) => [client.name, endings[n]?.code]))
    // What was let in ends in one way at all doors.
    const common = Object.values(ended).find((code) => code !== exhaustion) ?? exhaustion
    const expected = Object.fromEntries(
      served.map((client) => {
        const spent = ended[client.name] === exhaustion && isScarce(operation, served.length)
        return [client.name, spent ? exhaustion : (expectedOf(client, operation, name, input) ?? common)]
      }),
    )
    expect(ended).toEqual(expected)
    for (const code of Object.values(ended)) expect(decent).toContain(code)
  })
})

test("every operation has an input that its own schema takes", () => {
  const wrong = operations.filter((operation) => !operation.input.safeParse(validInput(operation, ids)).success)
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test("REST, GraphQL, gRPC, SOAP and WebSocket serve every operation; MCP all but those with secrets", () => {
  for (const { name, serves } of all)
    expect([name, operations.filter((one) => !serves(one)).map((one) => one.name)]).toEqual([
      name,
      name === "mcp" ? operations.filter((one) => one.confidential).map((one) => one.name) : [],
    ])
})

test("nothing of what was refused stands in the log, and no stranger wrote where others are at home", async () => {
  const written = await rows<{ operation: string }>(
    `select distinct "operation" from "events" where "requestId" in (select value from json_each(?))`,
    JSON.stringify([...refused]),
  )
  // What the log is told of on purpose: somebody tried to sign in as another.
  expect(written).toEqual([{ operation: "signin.failed" }])
  const strangers = JSON.stringify(doorNames.map((door) => strangerOf(door)))
  const elsewhere = JSON.stringify([organizationId, ids.get("org")])
  const [intruded] = await rows<{ count: number }>(
    `select count(*) as "count" from "events" where "actor" in (select value from json_each(?)) and "tenant" in (select value from json_each(?))`,
    strangers,
    elsewhere,
  )
  expect(intruded?.count).toBe(0)
  console.info(
    `The matrix: ${operations.length} operations, ${all.length} doors, ${Object.keys(situations).length} situations: ${calls} calls, ${refused.size} refused.`,
  )
})
