/** Every operation has a rule, and the rule is held before anything is done: nobody is 401, a user at an administrator's door is 403. */

import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { serve } from "../../src/app.ts"
import { anyone } from "../../src/core/policy.ts"
import { newActor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { costOf } from "../support/calls.ts"
import { type Person, person } from "../support/people.ts"
import { runtime } from "../support/runtime.ts"
import { administration, isolate, prefixOf, routes, validCall, whole } from "./registered.ts"

let ada: Person
let root: Person
beforeAll(async () => {
  ada = await person("Ada")
  root = await administrator()
})

/** Spelled open: what somebody does who has no session yet, and what tells of policies in development. */
const open = [
  "auth.beginPasskey",
  "auth.confirmSignIn",
  "auth.redeemMagicLink",
  "auth.refresh",
  "auth.requestMagicLink",
  "auth.requestPasswordReset",
  "auth.resetPassword",
  "auth.setUp",
  "auth.signIn",
  "auth.signInWithPasskey",
  "auth.signUp",
  "auth.verifyEmail",
  "auth.verifySecondFactor",
  "policies.explain",
]

describe("checklist 37: every route declares who may call it", () => {
  test("every operation has a rule; those for everybody are these and no others", () => {
    expect(routes.length).toBeGreaterThan(70)
    for (const { operation } of routes) {
      const { policy } = operation
      expect(policy, operation.name).toBeDefined()
      if (policy.kind === "on")
        expect(isolate.registry.models.get(policy.resource)?.policy, operation.name).toBeDefined()
    }
    const spelledOpen = routes.filter(({ operation }) => JSON.stringify(operation.policy) === JSON.stringify(anyone()))
    expect(spelledOpen.map(({ operation }) => operation.name).sort()).toEqual(open)
  })

  test("an operation without a rule is not served: the application does not start", () => {
    const broken = {
      ...whole,
      operations: [
        ...whole.operations,
        { ...whole.operations[0], name: "tasks.silent", policy: undefined, rest: undefined },
      ],
    }
    expect(() => serve(broken as never, { ...env } as never, runtime())).toThrow(/tasks\.silent/)
  })

  test.each(
    routes
      .filter(({ operation }) => !open.includes(operation.name))
      .map((route) => [route.operation.name, route] as const),
  )("%s: nobody is asked to sign in, and nothing is read", async (_, route) => {
    const { line, ...options } = validCall(route)
    const answer = await isolate.call(null, line, options)
    expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([401, "UNAUTHENTICATED"])
    expect(costOf(answer).trips).toBe(0)
  })

  test("the administrators' operations are these", () => {
    expect(administration.map(({ operation }) => operation.name).sort()).toEqual([
      "auth.rotateKeys",
      "dead_letters.replay",
      "log.prune",
      "organizations.setPlan",
      "users.disable",
      "users.enable",
      "users.endSessions",
      "users.impersonate",
      "users.setRoles",
    ])
  })

  test.each(administration.map((route) => [route.operation.name, route] as const))(
    "%s: a user is refused, before anything is read, also about oneself",
    async (_, route) => {
      for (const id of [root.id, ada.id]) {
        const { line, ...options } = validCall(route, prefixOf(route) === "user" ? id : undefined)
        const answer = await isolate.call(ada, line, options)
        expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([403, "PERMISSION_DENIED"])
        expect(costOf(answer).trips).toBe(0)
      }
    },
  )

  test.each(administration.map((route) => [route.operation.name, route] as const))(
    "%s: an administrator's key, and another issuer's token with the role, are not the administrator",
    async (_, route) => {
      const { key } = (await isolate.call(root, "POST /v1/api-keys", { body: { name: "K", scopes: ["*:write"] } })).body
      const robot = await newActor("Robot", ["admin"])
      for (const token of [key, robot.token]) {
        const { line, ...options } = validCall(route, prefixOf(route) === "user" ? ada.id : undefined)
        expect((await isolate.call({ token }, line, options)).status).toBe(403)
      }
    },
  )
})
