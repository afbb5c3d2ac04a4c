/**
 * The specification against the running server, driven from openapi.yml itself: every path and method is called rightly, without a token and
 * with everything wrong that its schemas allow to be wrong. Each answer has a declared status and the declared form.
 */
import { beforeAll, describe, expect, it } from "vitest"
import { type Answer, call, comment, type Person, person, stored, unique, write } from "./client.ts"
import { type Described, faultsOf, type Node, operations } from "./specification.ts"

// Of the public documentation (realworld-docs.netlify.app, "Error handling"), which the file leaves out: 403 when the user may not do it, 404
// when there is nothing to do it to.
const documented = [403, 404]

let [me, other] = [] as unknown as [Person, Person]
beforeAll(async () => {
  ;[me, other] = [await person(), await person()]
})

/** What stands in a body, by the name of the property. */
function exampleOf(name: string): unknown {
  const values: Record<string, () => unknown> = {
    email: () => `${unique("contract")}@example.com`,
    password: () => "kestrel-gravel-41",
    username: () => unique("contract"),
    tagList: () => ["b", "a"],
    image: () => "https://example.com/me.png",
  }
  return values[name]?.() ?? `Some ${name}`
}

function membersOf(schema: Node): { envelope: string; properties: Record<string, Node>; required: string[] } {
  const [[envelope, inner] = ["", {}]] = Object.entries(schema.properties as Record<string, Node>)
  return {
    envelope,
    properties: inner.properties as Record<string, Node>,
    required: (inner.required ?? []) as string[],
  }
}

/** The body that the schema describes, with every property that it names. */
function bodyOf({ request, path }: Described, who: Person): unknown {
  if (request === null) return undefined
  const { envelope, properties } = membersOf(request)
  if (path === "/users/login") return { [envelope]: { email: who.email, password: who.password } }
  return { [envelope]: Object.fromEntries(Object.keys(properties).map((name) => [name, exampleOf(name)])) }
}

/** Who calls: whoever signs in has no token yet, and one that they had would be given up for the new one. */
function callerOf({ path }: Described, who: Person): Person | null {
  return path.startsWith("/users") ? null : who
}

/** Values for the path: an article of the caller's own with a comment of theirs, and the other person. */
async function placesOf(who: Person): Promise<Record<string, string>> {
  const { slug } = await write(who, { tagList: ["contract"] })
  const { id } = await comment(who, slug)
  return { slug, id: String(id), username: other.username }
}

function lineOf({ method, path }: Described, places: Readonly<Record<string, string>>, query = ""): string {
  return `${method} ${path.replace(/\{(\w+)\}/g, (_, name) => places[name] ?? "")}${query}`
}

function expectDeclared({ name, responses }: Described, answer: Answer, also: readonly number[] = []): void {
  const { status, body } = answer
  expect([name, [...responses.keys(), ...also]]).toEqual([name, expect.arrayContaining([status])])
  if (status === 204) {
    expect(body).toBeNull()
    return
  }
  const schema = responses.get(status) ?? (status >= 400 ? responses.get(422) : null)
  if (!schema) throw new Error(`${name}: the document says nothing of the body of ${status}`)
  expect([name, status, faultsOf(schema, body, status)]).toEqual([name, status, []])
  expect(answer.headers.get("Content-Type")).toMatch(/^application\/json/)
}

it("has an operation for each of the document's, and no other", () => {
  expect(operations.length).toBe(19)
})

/** A test of the operations that it is about; for the others there is none, rather than one that passes over nothing. */
function testWhere(applies: boolean): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    if (applies) it(name, body)
  }
}

describe.each(operations.map((operation) => [operation.name, operation] as const))("%s", (_, operation) => {
  const success = [...operation.responses.keys()].find((status) => status < 300)

  it("answers a valid call as declared, with and without optional parameters", async () => {
    const caller = operation.path === "/user" && operation.method === "PUT" ? await person() : me
    const query = operation.parameters.filter((one) => one.in === "query")
    const values: Record<string, string> = {
      limit: "5",
      offset: "0",
      tag: "contract",
      author: me.username,
      favorited: me.username,
    }
    const given = query.map(({ name }) => `${name}=${values[name]}`)
    for (const text of new Set(["", ...given.map((one) => `?${one}`), given.length > 0 ? `?${given.join("&")}` : ""])) {
      const answer = await call(callerOf(operation, caller), lineOf(operation, await placesOf(caller), text), {
        body: bodyOf(operation, caller),
      })
      expect([operation.name, text, answer.status]).toEqual([operation.name, text, success])
      expectDeclared(operation, answer)
    }
  })

  it("answers nobody with 401 exactly where it names a token", async () => {
    const places = await placesOf(me)
    const before = operation.needsToken ? await stored() : null
    const answer = await call(null, lineOf(operation, places), { body: bodyOf(operation, me) })
    expect(answer.status).toBe(operation.needsToken ? 401 : success)
    expectDeclared(operation, answer)
    if (before !== null) expect(await stored()).toEqual(before)
    if (!operation.responses.has(401)) return
    const bad = await call(null, lineOf(operation, places), { body: bodyOf(operation, me), authorization: "Token bad" })
    expect(bad.status).toBe(401)
    expectDeclared(operation, bad)
  })

  const isAtRecord = operation.parameters.some((one) => one.in === "path")
  const numbers = operation.parameters.filter(({ schema }) => schema.type === "integer")
  const isOfOne = /PUT|DELETE/.test(operation.method) && /\{slug\}(\/comments\/\{id\})?$/.test(operation.path)

  testWhere(isAtRecord)("answers what is not there with 404", async () => {
    const places = { slug: "not-there", id: "404", username: "not-there" }
    const before = await stored()
    const answer = await call(callerOf(operation, me), lineOf(operation, places), { body: bodyOf(operation, me) })
    expect(answer.status).toBe(404)
    expectDeclared(operation, answer, documented)
    expect(await stored()).toEqual(before)
  })

  testWhere(numbers.length > 0)("answers each wrong parameter with 422, naming it", async () => {
    const places = await placesOf(me)
    const wrong = numbers.flatMap(({ name, in: place, schema }) => {
      const values = ["x", "1.5", ...(schema.minimum === undefined ? [] : [String(schema.minimum - 1)])]
      return values.map((value) => ({ name, place, value }))
    })
    for (const { name, place, value } of wrong) {
      const [at, query] = place === "path" ? [{ ...places, [name]: value }, ""] : [places, `?${name}=${value}`]
      const answer = await call(callerOf(operation, me), lineOf(operation, at, query), { body: bodyOf(operation, me) })
      expect([name, value, answer.status, Object.keys(answer.body.errors)]).toEqual([name, value, 422, ["body", name]])
      expectDeclared(operation, answer)
    }
  })

  testWhere(operation.request !== null)(
    "answers each wrong body with 422, naming the field, and changes nothing",
    async () => {
      const places = await placesOf(me)
      const { envelope, properties, required } = membersOf(operation.request as Node)
      const right = (bodyOf(operation, me) as Record<string, object>)[envelope]
      const before = await stored()
      const refused = async (body: unknown, field: string) => {
        const answer = await call(callerOf(operation, me), lineOf(operation, places), { body })
        expect([field, answer.status]).toEqual([field, 422])
        expect(answer.body.errors).toHaveProperty(field)
        expectDeclared(operation, answer)
      }
      for (const name of Object.keys(properties)) await refused({ [envelope]: { ...right, [name]: 5 } }, name)
      for (const name of required) await refused({ [envelope]: { ...right, [name]: undefined } }, name)
      for (const body of [{}, [], "text", { [envelope]: null }, right]) await refused(body, "body")
      expect(await stored()).toEqual(before)
    },
  )

  testWhere(isOfOne)("answers another's with 403, and changes nothing", async () => {
    const places = await placesOf(other)
    const before = await stored()
    const answer = await call(callerOf(operation, me), lineOf(operation, places), { body: bodyOf(operation, me) })
    expect(answer.status).toBe(403)
    expectDeclared(operation, answer, documented)
    expect(await stored()).toEqual(before)
  })
})
