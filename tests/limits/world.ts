/** The workspace with limits of a test's own, over the real limiter and database, with the clock in the test's hand. */
import type { AppLimits, LimitList, Operation, ResourceLimits } from "selvage"
import { expect } from "vitest"
import application from "../../src/app/index.ts"
import type { Application } from "../../src/core/registry.ts"
import { newActor } from "../support/actors.ts"
import type { Answer } from "../support/calls.ts"
import { type Serving, serving } from "../support/serving.ts"
import { parseFieldList } from "../support/structured-fields.ts"

/** An isolate whose clock stands still until it is told otherwise. */
export interface Held extends Serving {
  now(): Date
  /** Moves the clock, forth or back. */
  pass(milliseconds: number): void
  set(at: Date): void
}

/** What limits are others than the application's own. */
export interface Limited {
  readonly app?: AppLimits
  /** By name of an operation that the application declares. */
  readonly operations?: Readonly<Record<string, LimitList>>
  /** By name of a resource. */
  readonly resources?: Readonly<Record<string, ResourceLimits>>
  readonly more?: readonly Operation[]
}

/** The reference application with other limits. */
export function limitedWorkspace({ app = {}, operations = {}, resources = {}, more = [] }: Limited): Application {
  return {
    ...application,
    limits: app,
    resources: application.resources.map((one) => {
      const limit = resources[one.name]
      return limit === undefined ? one : { ...one, limit }
    }),
    operations: [
      ...application.operations.map((one) => {
        const limit = operations[one.name]
        return limit === undefined ? one : { ...one, limit }
      }),
      ...more,
    ],
  }
}

/** Serves it. @param change bindings that are others */
export function held(limited: Limited, change: object = {}, at = new Date()): Held {
  let now = at
  const isolate = serving(change, limitedWorkspace(limited), { now: () => now })
  return {
    ...isolate,
    now: () => now,
    pass: (milliseconds) => {
      now = new Date(now.getTime() + milliseconds)
    },
    set: (to) => {
      now = to
    },
  }
}

/** What the two fields of an answer say of a policy. Both must name the same policies, in the same order. */
export interface Fields {
  readonly name: string
  readonly quota: number
  readonly window: number
  readonly remaining: number
  readonly reset: number
  readonly partition: string | undefined
}

/** Reads them; an empty list when there is neither. */
export function fieldsOf({ headers }: Pick<Answer, "headers">): readonly Fields[] {
  const policyText = headers.get("RateLimit-Policy")
  const stateText = headers.get("RateLimit")
  expect(policyText === null).toBe(stateText === null)
  if (policyText === null || stateText === null) return []
  const states = parseFieldList(stateText)
  return parseFieldList(policyText).map(({ name, parameters: { q, w, pk, ...rest } }, n) => {
    const state = states[n]
    expect([rest, states.length, state?.name]).toEqual([{}, parseFieldList(policyText).length, name])
    const { r, t, pk: partition, ...others } = state?.parameters ?? {}
    expect([others, partition]).toEqual([{}, pk])
    for (const figure of [q, w, r, t]) expect(Number.isSafeInteger(figure) && (figure as number) >= 0).toBe(true)
    return {
      name,
      quota: q as number,
      window: w as number,
      remaining: r as number,
      reset: t as number,
      partition: pk as string | undefined,
    }
  })
}

/** What one policy says. */
export function fieldOf(answer: Pick<Answer, "headers">, name: string): Fields {
  const found = fieldsOf(answer).find((one) => one.name === name)
  if (!found) throw new Error(`No policy ${name} in ${answer.headers.get("RateLimit-Policy")}`)
  return found
}

/** How many of some answers were admitted; the others must be refusals by a limit that say how long. */
export function admittedOf(answers: readonly Answer[]): number {
  const refused = answers.filter(({ status }) => status === 429)
  for (const { body, headers } of refused) {
    expect(body).toMatchObject({ code: "RESOURCE_EXHAUSTED", status: 429 })
    expect(headers.get("Retry-After")).toBe(String(Math.ceil(body.retryAfter)))
    expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0)
  }
  expect(answers.filter(({ status }) => status >= 300 && status !== 429).map(({ body }) => body)).toEqual([])
  return answers.length - refused.length
}

/** Somebody whom no other test has seen. */
export const somebody = (roles: readonly string[] = []) => newActor("Somebody", roles)

/** So many promises at once. */
export function times<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => make(n)))
}
