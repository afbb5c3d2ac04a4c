/** Judging what stands in the log: what no event holds is UNKNOWN, and what nobody can judge is hidden. */
import { describe, expect, test } from "vitest"
import type { Event } from "../../src/core/event.ts"
import { compileModel, type Model } from "../../src/core/model.ts"
import { type Condition, isNull, nobody, not, rule } from "../../src/core/policy.ts"
import { resource } from "../../src/core/registry.ts"
import { type Sight, seenImage, seenSide } from "../../src/log/sight.ts"
import { personal, record, sqliteTable, text } from "../../src/selvage.ts"

const closed = { create: nobody(), update: nobody(), delete: nobody() }

function letters(name: string, read: Condition): Model {
  const table = sqliteTable(name, { ...record("letter"), address: personal(text()), note: text() })
  return compileModel(resource(name, { table, tenant: "none", policy: { read, ...closed } }) as never)
}

const open = letters("open_letters", isNull("note"))
const unaddressed = letters("letters", rule("nobody's", isNull("address")))
const addressed = letters("sent_letters", not(isNull("address")))
const models = new Map([open, unaddressed, addressed].map((model) => [model.name, model]))

const sight = (everything = false): Sight => ({
  models,
  reading: { principal: { kind: "user", id: "user_a", roles: [] }, now: new Date(0) },
  right: { sees: true, everything, tenant: null },
  known: { grants: () => null, parent: () => null },
})
const image = { id: "letter_1", version: 1, address: null, note: null }

describe("an image of a row", () => {
  test("is judged by what it holds", () => {
    expect(seenImage(open, image, sight()).image).toEqual(image)
    expect(seenImage(open, { ...image, note: "x" }, sight())).toEqual({ image: null, isHidden: true })
  })

  test("holds no personal value: a rule about one is UNKNOWN, neither true nor false", () => {
    for (const model of [unaddressed, addressed]) expect(seenImage(model, image, sight()).isHidden).toBe(true)
  })

  test("that lacks a column which came later is hidden where a rule asks for it", () => {
    const { note: _, ...old } = image
    expect(seenImage(open, old, sight()).isHidden).toBe(true)
  })

  test("shows nothing that is no column of today", () => {
    expect(seenImage(open, { ...image, dropped: "unmistakable" }, sight(true)).image).toEqual(image)
  })
})

describe("an event", () => {
  const event = (more: Partial<Event>): Event => ({
    sequence: 1,
    id: "event_1",
    at: "2026-01-01T00:00:00.000Z",
    actor: "user_a",
    impersonator: null,
    reason: null,
    operation: "letters.update",
    resource: "open_letters",
    record: "letter_1",
    change: "updated",
    tenant: null,
    before: image,
    after: image,
    changed: [],
    requestId: "r",
    ...more,
  })

  test("of a resource that is gone is hidden from everybody: no rule is left that could show it", () => {
    for (const everything of [false, true])
      expect(seenSide(event({ resource: "gone" }), "after", sight(everything)).isHidden).toBe(true)
  })

  test("that says what happened to an account is for those who read the whole log", () => {
    const notice = event({ before: null, after: { sid: "session_1", reason: "revoked" } })
    expect(seenSide(notice, "after", sight(true)).image).toEqual({ sid: "session_1", reason: "revoked" })
    expect(seenSide(notice, "after", sight()).isHidden).toBe(true)
  })
})
