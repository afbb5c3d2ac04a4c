/** Names outside the database: each is declared in src/server/keys.ts, and nothing is kept under another. */
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { addressKey, ghostObjectName, keptNames, topicObjectName, userObjectName } from "../../src/server/keys.ts"
import { letterTo, newAddress, signUp } from "../support/people.ts"

const patternOf = (form: string) =>
  new RegExp(`^${form.replaceAll(/\{\w+\}/g, "[^/]+(?:/64)?")}${form.endsWith("/") ? ".+" : ""}$`)

test("a name is built from its parts", () => {
  expect(userObjectName("user_1")).toBe("user/user_1")
  expect(ghostObjectName(7)).toBe("ghost/7")
  expect(topicObjectName("tasks", null, null)).toBe("topic/tasks/-/all")
  expect(topicObjectName("tasks", "org_1", "task_1")).toBe("topic/tasks/org_1/task_1")
  expect(addressKey("2001:db8:1:2:3::4")).toBe("address/2001:db8:1:2::/64")
})

test("no two names of one binding could be the same, and each says what it is for", () => {
  for (const one of keptNames) {
    expect(Object.values(one).every((text) => text.length > 2)).toBe(true)
    const example = one.form.replaceAll(/\{\w+\}/g, "x") + (one.form.endsWith("/") ? "x" : "")
    const matching = keptNames.filter((other) => other.binding === one.binding && patternOf(other.form).test(example))
    expect(matching).toEqual([one])
  }
})

test("KV holds what is declared and nothing else", async () => {
  const who = newAddress()
  await signUp(who)
  await letterTo(who.email, "Confirm")
  const { keys } = await env.CACHE.list({ limit: 1000 })
  const patterns = keptNames.filter(({ binding }) => binding === "CACHE").map(({ form }) => patternOf(form))
  expect(keys.length).toBeGreaterThan(0)
  expect(keys.map(({ name }) => name).filter((name) => !patterns.some((pattern) => pattern.test(name)))).toEqual([])
})
