/** Input against a schema: every fault at its JSON pointer, never with the caller's value; text that no store carries is refused. */

import { describe, expect, test } from "vitest"
import * as z from "zod"
import type { Json } from "../../src/core/json.ts"
import { asProblem, denied, invalidAll, notFound, Problem, pointer } from "../../src/core/problem.ts"
import { refuseBadText, validate } from "../../src/core/validation.ts"

function thrown(work: () => unknown): Problem {
  try {
    work()
  } catch (problem) {
    if (problem instanceof Problem) return problem
  }
  throw new Error("no problem was thrown")
}

describe("a JSON pointer", () => {
  test.each<[(string | number)[], string]>([
    [[], ""],
    [["a"], "/a"],
    [["a", 0, "b"], "/a/0/b"],
    [[""], "/"],
    [["a/b", "m~n"], "/a~1b/m~0n"],
    [["~1"], "/~01"],
  ])("of %j is %s", (segments, text) => expect(pointer(...segments)).toBe(text))
})

describe("validation", () => {
  const schema = z.strictObject({
    title: z.string().max(3),
    rank: z.int32().optional(),
    tags: z.array(z.strictObject({ name: z.string() })).optional(),
    kind: z.enum(["a"]).optional(),
    mail: z.email().optional(),
  })
  const faultsOf = (input: unknown) =>
    (thrown(() => validate(schema, input as Json)).options.violations ?? []).map((one) => `${one.path} ${one.code}`)

  test("gives what the schema makes of the input", () => {
    expect(validate(z.strictObject({ n: z.int().default(2) }), {})).toEqual({ n: 2 })
  })

  test.each<[string, unknown, string[]]>([
    ["a missing field", {}, ["/title required"]],
    ["a wrong type", { title: 1 }, ["/title invalid_type"]],
    ["null for text", { title: null }, ["/title invalid_type"]],
    ["too long a text", { title: "abcd" }, ["/title too_big"]],
    ["a number beyond 32 bits", { title: "a", rank: 2 ** 31 }, ["/rank too_big"]],
    ["an unknown word", { title: "a", kind: "b" }, ["/kind invalid_value"]],
    ["a wrong form", { title: "a", mail: "x" }, ["/mail invalid_format"]],
    ["unknown fields, each", { title: "a", x: 1, "y/z": 2 }, ["/x unknown_field", "/y~1z unknown_field"]],
    [
      "faults deep inside",
      { title: "a", tags: [{ name: "b" }, { name: 1, more: 2 }] },
      ["/tags/1/name invalid_type", "/tags/1/more unknown_field"],
    ],
    ["several at once", { rank: "x" }, ["/title required", "/rank invalid_type"]],
    ["no object", 5, [" invalid_type"]],
  ])("tells %s", (_, input, told) => expect(faultsOf(input)).toEqual(told))

  test("never says the value, and at most a hundred faults", () => {
    const problem = thrown(() =>
      validate(
        z.array(z.int()),
        Array.from({ length: 500 }, () => "hunter2"),
      ),
    )
    expect(problem.code).toBe("INVALID_ARGUMENT")
    expect(problem.options.violations).toHaveLength(100)
    expect(JSON.stringify([problem.message, problem.options.violations])).not.toContain("hunter2")
  })

  test("cuts the names that it says", () => {
    const [violation] = thrown(() => validate(schema, { title: "a", ["x".repeat(5000)]: 1 })).options.violations ?? []
    expect(violation?.path.length).toBeLessThan(110)
    expect(violation?.message.length).toBeLessThan(110)
  })
})

describe("text that no store carries", () => {
  test.each<[string, Json, string]>([
    ["NUL", { a: ["x", "a\u0000b"] }, "/a/1"],
    ["half a pair", { a: { "b/c": "\ud800" } }, "/a/b~1c"],
    ["the other half", "\udc00", ""],
    ["NUL in a name", { a: { "\u0000": 1 } }, "/a"],
    ["half a pair in a name", [{ "\udfff": 1 }], "/0"],
  ])("%s", (_, value, path) => {
    const [violation] = thrown(() => refuseBadText(value)).options.violations ?? []
    expect(violation).toMatchObject({ path, code: "invalid_text" })
  })

  test("and every other text passes", () => {
    refuseBadText({ "😀": ["\u0001", "\u{10ffff}", "\ufffe", "", null, 1, true] })
  })
})

describe("problems", () => {
  test("an unknown throw is INTERNAL, its words stay inside", () => {
    const problem = asProblem(new Error("select * from users"))
    expect(problem).toMatchObject({ code: "INTERNAL", options: { cause: expect.any(Error) } })
    expect(problem.message).not.toContain("select")
    expect(asProblem("text").code).toBe("INTERNAL")
  })

  test("a problem stays itself", () => {
    const problem = denied("fly")
    expect(asProblem(problem)).toBe(problem)
  })

  test("absent and invisible have the same words", () => {
    expect(notFound("tasks").message).toBe("No such record in tasks, or it is not visible to you")
  })

  test("many faults are counted in the sentence", () => {
    const one = { path: "/a", code: "x", message: "First" }
    expect(invalidAll([one]).message).toBe("First")
    expect(invalidAll([one, one, one]).message).toBe("First (and 2 more)")
    expect(invalidAll([]).message).toBe("The request is not valid")
  })
})
