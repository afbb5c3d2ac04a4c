/** An application with two mounts beside its own interface: one with a scheme and problems of its own, one with a scheme alone. */
import * as z from "zod"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { mount, type ToldProblem } from "../../src/core/mount.ts"
import { get, operation, patch, post, put, remove } from "../../src/core/operation.ts"
import { anyone, signedIn } from "../../src/core/policy.ts"
import { Problem } from "../../src/core/problem.ts"
import { app, buildRegistry } from "../../src/core/registry.ts"
import { forecast, notebooks, notes, open } from "./fixture.ts"

const thing = z.object({ slug: z.string(), size: z.int().optional(), by: z.string() }).meta({ id: "Thing" })
const bySlug = z.strictObject({ slug: z.string().max(20) })
const inEnvelope = { envelope: { request: "thing", answer: "thing" } }

const createThing = operation("things.create", {
  kind: "mutation",
  summary: "Make a thing",
  input: z.strictObject({ slug: z.string().max(20), size: z.int().min(1).optional() }),
  output: thing,
  errors: ["RESOURCE_EXHAUSTED"],
  policy: signedIn(),
  rest: post("/things", { status: 201, ...inEnvelope }),
  handle: ({ input, principal }) => ({ ...input, by: principal.kind, extra: "not named" }) as never,
})

const changeThing = operation("things.change", {
  kind: "mutation",
  input: bySlug.extend({ size: z.int().min(1).optional(), inner: z.strictObject({ a: z.int() }).optional() }),
  output: thing,
  policy: signedIn(),
  rest: put("/things/{slug}", inEnvelope),
  handle: ({ input, principal }) => ({ slug: input.slug, size: input.size, by: principal.kind }),
})

const getThing = operation("things.get", {
  kind: "query",
  input: bySlug.extend({ size: z.int().optional() }),
  output: thing,
  policy: anyone(),
  rest: get("/things/{slug}", { envelope: { answer: "thing" } }),
  handle: ({ input, principal }) => {
    if (input.slug === "busy") throw new Problem("RESOURCE_EXHAUSTED", "Too many", { retryAfterSeconds: 2.2 })
    if (input.slug === "broken") throw new Error("the inside of the machine")
    return { slug: input.slug, size: input.size, by: principal.kind }
  },
})

const removeThing = operation("things.remove", {
  kind: "mutation",
  input: bySlug,
  output: bySlug,
  policy: signedIn(),
  rest: remove("/things/{slug}", 204),
  handle: ({ input }) => input,
})

const oldThing = operation("things.old", {
  kind: "mutation",
  input: z.strictObject({ size: z.int().min(1) }),
  output: z.object({ size: z.int() }).meta({ id: "OldThing" }),
  policy: signedIn(),
  rest: patch("/things", inEnvelope),
  handle: ({ input }) => input,
})

/** What was told of each problem that was rendered, newest last. */
export const told: ToldProblem[] = []

const problem = {
  schema: z.object({ wrong: z.string(), where: z.array(z.string()) }).meta({ id: "Wrong" }),
  render(given: ToldProblem) {
    told.push(given)
    const where = given.violations.map(({ path, code }) => `${path} ${code}`)
    if (given.code === "ABORTED") return { status: 204, body: null }
    return { status: given.status === 400 ? 422 : given.status, body: { wrong: given.code, where } }
  },
}

/** The registry of it. */
export const registry = buildRegistry(
  app({
    title: "Things",
    resources: [notebooks, notes],
    operations: [forecast],
    mounts: [
      mount("/api", { operations: [createThing, changeThing, getThing, removeThing], schemes: ["Token"], problem }),
      mount("/legacy/v0", { operations: [oldThing], schemes: ["Key-Id"] }),
    ],
  }),
  { eager: true },
)

/** Its document. */
export const document = openApiDocument(registry) as unknown as {
  readonly paths: Record<
    string,
    Record<string, JsonObject & { security: JsonObject[]; responses: Record<string, JsonObject> }>
  >
  readonly components: Record<string, Record<string, JsonObject>>
}

/** A caller of a fresh door: `ask("POST /api/things", { body }, "Token ada")`. */
export function opened() {
  const { anonymously, world } = open({ registry })
  const ask = async (line: string, body?: unknown, authorization: string | null = "Token ada") => {
    const [method = "GET", path = "/"] = line.split(" ")
    const headers = new Headers(authorization === null ? {} : { Authorization: authorization })
    if (body !== undefined) headers.set("Content-Type", "application/json")
    const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body)
    const answer = await anonymously(path, { method, headers, body: text })
    const content = await answer.text()
    return { status: answer.status, headers: answer.headers, body: content === "" ? null : JSON.parse(content) }
  }
  return { ask, world }
}
