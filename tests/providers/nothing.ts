/** What a refusal at the page that providers send people to comes to: nothing, and one event. */
import { expect } from "vitest"
import type { Browser } from "../support/browser.ts"
import type { Answer } from "../support/calls.ts"
import { accountsOf, identityRows, refusals, type World, whoIs } from "./world.ts"

/** What whoever waits reads, whichever check failed. */
export const sentence = "The answer of Acme does not hold; start again."

/** Nothing came of it: no session, no account, no identity, no flow to try again with, and one event. */
export async function expectNothing(place: World, browser: Browser, answer: Answer, email: unknown, event: string) {
  expect(answer.status, String(answer.body)).toBe(400)
  expect(answer.body).toContain(sentence)
  expect([...browser.jar.keys()]).toEqual([])
  expect(await whoIs(browser)).toBeNull()
  expect(await accountsOf(String(email))).toBe(0)
  expect(await identityRows(place.acme.issuer)).toEqual([])
  expect(refusals(place)).toEqual([event])
}
