/** The stages in order, and what each refuses: nothing is read before it is known who asks, nothing is written that was not decided. */
import { type Context, nobody, on, Problem, role, signedIn, system } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { limits } from "../../src/core/limits.ts"
import { ada, anonymous, callOf, noteId, notes, registry, registryWith, teamId } from "./fixture.ts"
import { answer, finish, row, say } from "./operations.ts"

describe("the order", () => {
  const drawn = `draw call/default/principal/${ada.kind === "user" ? ada.id : ""}`
  const everything = ["limitAddress", "authenticate", "resolve", "limitPrincipal", drawn, "decode"]

  test("who asks is known before the body is read, and the store is opened last", async () => {
    const { asked, output } = await callOf(registry, "notes.get", { input: { id: noteId }, rows: { [noteId]: row } })
    expect(asked).toEqual([...everything, `get ${noteId}`])
    expect(output).toEqual(row)
  })

  test.each(["limitAddress", "authenticate", "resolve", "limitPrincipal", "decode"] as const)(
    "a refusal at %s ends the call there",
    async (stage) => {
      const refusal = new Problem("RESOURCE_EXHAUSTED", "no")
      const { asked, problem, batches } = await callOf(registry, "notes.create", {
        input: { teamId, title: "a" },
        refuse: { [stage]: refusal },
      })
      expect(asked).toEqual(everything.slice(0, everything.indexOf(stage) + 1))
      expect(problem).toBe(refusal)
      expect(batches).toEqual([])
    },
  )

  test("every call is told to the operator once, with its code", async () => {
    const good = await callOf(registryWith(say()), "notes.say")
    expect(good.observed).toMatchObject([
      {
        kind: "call",
        operation: "notes.say",
        door: "test",
        actor: "user_01kaj700000000000000000000",
        code: "OK",
        requestId: "request-1",
      },
    ])
    const bad = await callOf(registry, "notes.get", { input: { id: "x" } })
    expect(bad.observed).toMatchObject([{ kind: "call", code: "INVALID_ARGUMENT" }])
  })
})

describe("what is refused before the store is asked", () => {
  const refusals: [string, string, Parameters<typeof callOf>[2], string][] = [
    ["an input that the schema refuses", "notes.get", { input: { id: "nope" } }, "INVALID_ARGUMENT"],
    ["NUL anywhere", "notes.create", { input: { teamId, title: "a\u0000" } }, "INVALID_ARGUMENT"],
    ["an empty key", "notes.create", { input: { teamId, title: "a" }, idempotencyKey: "" }, "INVALID_ARGUMENT"],
    [
      "a key that is too long",
      "notes.create",
      { input: { teamId, title: "a" }, idempotencyKey: "k".repeat(limits.idempotencyKeyLength + 1) },
      "INVALID_ARGUMENT",
    ],
    ["nobody, where members are meant", "notes.list", { principal: anonymous }, "UNAUTHENTICATED"],
    ["nobody, to write", "notes.create", { principal: anonymous, input: { teamId, title: "a" } }, "UNAUTHENTICATED"],
    [
      "nobody, for a batch",
      "notes.batch",
      { principal: anonymous, input: { records: [{ op: "delete", id: noteId }] } },
      "UNAUTHENTICATED",
    ],
  ]
  test.each(refusals)("%s", async (_, name, options, code) => {
    const { problem, asked, batches } = await callOf(registry, name, options)
    expect(problem?.code).toBe(code)
    expect(asked.filter((what) => /get|list|commit|permits/.test(what))).toEqual([])
    expect(batches).toEqual([])
  })

  test.each([
    ["signedIn()", signedIn(), anonymous, "UNAUTHENTICATED"],
    ["role()", role("admin"), ada, "PERMISSION_DENIED"],
    ["nobody()", nobody(), ada, "PERMISSION_DENIED"],
  ] as const)("an operation for %s", async (_, policy, principal, code) => {
    const { problem, output } = await callOf(registryWith(say({ policy })), "notes.say", { principal })
    expect(problem?.code).toBe(code)
    expect(output).toBeUndefined()
  })

  test("nobody() does not hold for the system", async () => {
    expect(
      (await callOf(registryWith(say({ policy: nobody() })), "notes.say", { principal: system("nightly") })).output,
    ).toEqual({ said: "hello" })
  })
})

describe("a query of the application's own", () => {
  const query = (permits: (action: string) => boolean) =>
    callOf(
      registryWith(
        say({ input: z.strictObject({ id: z.string() }), policy: on(notes, "update"), handle: () => ({ said: "x" }) }),
      ),
      "notes.say",
      { input: { id: noteId }, permits },
    )

  test("needs the right that it declares", async () => {
    expect((await query(() => true)).output).toEqual({ said: "x" })
  })
  test("says that it is refused to who may read, and that it is absent to who may not", async () => {
    expect((await query((action) => action === "read")).problem?.code).toBe("PERMISSION_DENIED")
    expect((await query(() => false)).problem?.code).toBe("NOT_FOUND")
  })
})

describe("a decision", () => {
  const options = { input: { id: noteId }, rows: { [noteId]: row } }
  const committed = { kind: "committed", reads: [], rows: [{ ...row, version: 4, status: "done" }] } as const

  test("is committed with what it stands on and the right that it needs", async () => {
    const { output, batches } = await callOf(registryWith(finish()), "notes.finish", {
      ...options,
      commits: [committed],
    })
    expect(batches).toMatchObject([
      {
        operation: "notes.finish",
        requestId: "request-1",
        writes: [{ kind: "update", id: noteId, values: { status: "done" } }],
        decidedOn: [{ resource: "notes", id: noteId, version: 3 }],
        required: [{ on: { resource: "notes", action: "update" }, id: noteId }],
        idempotency: null,
      },
    ])
    expect(output).toMatchObject({ note: { version: 4, status: "done" } })
  })

  test("that has gone stale is made again, on what is there now", async () => {
    const { output, asked, observed } = await callOf(registryWith(finish()), "notes.finish", {
      ...options,
      commits: [{ kind: "stale" }, { kind: "stale" }, committed],
    })
    expect(asked.filter((what) => what.startsWith("get"))).toHaveLength(3)
    expect(
      observed
        .filter((one) => one.kind === "stale_decision")
        .map((one) => one.kind === "stale_decision" && one.attempt),
    ).toEqual([1, 2])
    expect(output).toMatchObject({ note: { version: 4 } })
  })

  test("is given up after three times more", async () => {
    const { problem, batches } = await callOf(registryWith(finish()), "notes.finish", {
      ...options,
      commits: [{ kind: "stale" }],
    })
    expect(problem?.code).toBe("ABORTED")
    expect(batches).toHaveLength(1 + limits.staleRetriesMax)
  })

  test("that writes nothing is not guarded, and needs no trip without a right", async () => {
    const idle = finish({ policy: signedIn(), output: answer, handle: () => ({ said: "nothing to do" }) })
    expect((await callOf(registryWith(idle), "notes.finish", options)).batches).toEqual([])
    const reading = finish({
      output: answer,
      async handle({ read }: Pick<Context, "read">) {
        await read.get(notes, noteId)
        return { said: "x" }
      },
    })
    expect((await callOf(registryWith(reading), "notes.finish", options)).batches).toMatchObject([
      { writes: [], decidedOn: [], required: [{ id: noteId }] },
    ])
  })

  test("that throws writes nothing", async () => {
    const failing = finish({ handle: () => Promise.reject(new Problem("FAILED_PRECONDITION", "not now")) })
    const { problem, batches } = await callOf(registryWith(failing), "notes.finish", options)
    expect([problem?.code, batches.length]).toEqual(["FAILED_PRECONDITION", 0])
  })
})

describe("the fault of a handler", () => {
  test.each<[string, object]>([
    ["another answer than it declared", { handle: () => ({ said: 5 }) }],
    ["an error of its own", { handle: () => Promise.reject(new Error("password=hunter2")) }],
    ["a code that it did not declare", { handle: () => Promise.reject(new Problem("DATA_LOSS", "gone")) }],
  ])("%s: INTERNAL, and only the operator hears why", async (_, options) => {
    const { problem, observed } = await callOf(registryWith(say(options)), "notes.say")
    expect([problem?.code, problem?.message]).toEqual(["INTERNAL", "Something went wrong on our side"])
    expect(observed[0]).toMatchObject({ code: "INTERNAL", cause: expect.anything() })
  })

  test("a code that it declared goes out", async () => {
    const { problem } = await callOf(
      registryWith(
        say({ errors: ["OUT_OF_RANGE"], handle: () => Promise.reject(new Problem("OUT_OF_RANGE", "too far")) }),
      ),
      "notes.say",
    )
    expect([problem?.code, problem?.message]).toEqual(["OUT_OF_RANGE", "too far"])
  })

  test("what an answer has beside its declaration does not go out", async () => {
    const loose = say({ output: z.object({ said: z.string() }), handle: () => ({ said: "a", password: "hunter2" }) })
    expect((await callOf(registryWith(loose), "notes.say")).output).toEqual({ said: "a" })
  })
})
