/** Where a message has an `update_mask`: where something can be said to become null, and nowhere else. */
import { app, operation, signedIn } from "selvage"
import { expect, test } from "vitest"
import * as z from "zod"
import { describe as described } from "../../src/api/grpc/messages.ts"
import application from "../../src/app/index.ts"
import type { Registry } from "../../src/core/registry.ts"
import { registryOf } from "../../src/engine.ts"

const masked = (registry: Registry): readonly string[] =>
  [...described(registry).messages].flatMap(([name, fields]) =>
    fields.some((field) => field.name === "update_mask") ? [name] : [],
  )

test("the workspace: changes and requests have one, pages and records none", () => {
  const found = masked(registryOf(application, { development: false }))
  expect(found).toEqual(expect.arrayContaining(["TaskUpdate", "TaskCreate", "CreateTaskRequest", "ProjectUpdate"]))
  expect(found.filter((name) => /Page$|^Task$|^Explanation$|^History$|^GrantTerms$/.test(name))).toEqual([])
})

test("what stands in an input at any depth has one, also beside an id; the same shape of an answer alone has none", () => {
  const nullable = { id: z.string(), note: z.string().nullable().optional() }
  const named = (id: string) => z.strictObject(nullable).meta({ id })
  const move = operation("boxes.move", {
    kind: "mutation",
    input: z.strictObject({
      ...nullable,
      parts: z.array(z.strictObject({ one: named("Part") }).meta({ id: "Holder" })),
    }),
    output: z.strictObject({ moved: named("Moved"), part: named("Part") }).meta({ id: "Boxes" }),
    policy: signedIn(),
    handle: ({ input }) => ({ moved: { id: input.id }, part: { id: input.id } }),
  })
  const found = masked(registryOf(app({ title: "Boxes", resources: [], operations: [move] }), { development: false }))
  expect(found).toEqual(expect.arrayContaining(["BoxesMoveRequest", "Part"]))
  expect(found.filter((name) => /^(Moved|Boxes|Holder)$/.test(name))).toEqual([])
})
