/**
 * The part of a user's object that knows which programs its user has let in. The OAuth provider reads, computes and writes in steps, so its calls
 * go one after another; what one has decided is written in one transaction, and only while nothing has reduced rights meanwhile.
 */
import type { ApprovalCall } from "../core/approval.ts"
import type { Consent, GrantAnswer, GrantCall, GrantsObject } from "../core/oauth.ts"
import type { Cause, Refusal } from "../core/user-object.ts"
import { accountOf } from "./account.ts"
import * as approvals from "./approvals.ts"
import { entriesOver } from "./oauth-entries.ts"
import * as grants from "./oauth-grants.ts"
import { askProvider, completeConsent, type ProviderAnswer } from "./oauth-provider.ts"
import { findSpent, openAnswer, sealAnswer, spend } from "./oauth-spent.ts"
import { User } from "./object.ts"
import { findSession } from "./sessions.ts"
import { epochOf, hex, type Turn } from "./turn.ts"

const refused: Refusal = { error: "REFUSED" }
const limited: Refusal = { error: "LIMIT" }
const nobody: Cause = { requestId: "", actor: "system" }
/** How often a decision is made anew because rights were reduced while it was made. */
const attemptsMax = 3

function fault(error: string, description: string, reduced = false): GrantAnswer {
  return { status: 400, body: JSON.stringify({ error, error_description: description }), reduced }
}

const invalidGrant = (reduced = false): GrantAnswer =>
  fault(
    "invalid_grant",
    "The code or token is not valid: it is over, was used, or was given to another client",
    reduced,
  )

async function hashOf(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))))
}

/** The client that the call says it is (RFC 6749 §2.3.1). The provider has the proof. */
function presentedClient({ parameters, authorization }: GrantCall): string | null {
  const named = parameters.find(([name]) => name === "client_id")?.[1]
  if (authorization === null) return named ?? null
  try {
    return decodeURIComponent(
      atob(authorization.replace(/^basic +/i, ""))
        .split(":")[0]
        ?.replaceAll("+", " ") ?? "",
    )
  } catch {
    return null
  }
}

/** Scopes that were asked for and not given: the provider leaves them out, RFC 6749 §6 has them refused. */
function isWider({ parameters }: GrantCall, answer: ProviderAnswer): boolean {
  const asked =
    parameters
      .find(([name]) => name === "scope")?.[1]
      ?.split(" ")
      .filter(Boolean) ?? []
  if (answer.status !== 200 || asked.length === 0) return false
  const given = String(JSON.parse(answer.body).scope ?? "").split(" ")
  return asked.some((scope) => !given.includes(scope))
}

/** Runs in workerd, as a layer of a user's object. */
export abstract class GrantingUser extends User implements GrantsObject {
  /** The call that is under way, or the last one. In memory: an object has one instance. */
  #last: Promise<unknown> = Promise.resolve()

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return mine
  }

  /** Decides, and writes the decision unless rights were reduced meanwhile: then it is made anew. */
  async #decided<T extends object>(cause: Cause, decide: (now: number) => Promise<(turn: Turn) => T>): Promise<T> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const epoch = epochOf(this.turns.sql)
      const write = await decide(this.ports.now())
      const written = this.turns.turn(cause, (turn) => (epochOf(turn.sql) === epoch ? write(turn) : null))
      if (written === null) continue
      await this.turns.tellHubOrLater()
      return written
    }
    throw new Error("Rights were reduced again and again while a grant was decided on")
  }

  async #authorize(consent: Consent, now: number) {
    const { sql, subject } = this.turns
    const { client, rules, session, terms } = consent
    const account = accountOf(sql)
    const isActive = account === null || account.status === "active"
    if (subject === null || !isActive || findSession(sql, session, now) === null) return () => refused
    if (grants.isCrowded(sql, now)) return () => limited
    const known = grants.isKnownClient(sql, client.id, now)
    const entries = entriesOver(sql, now, client, rules.codeSeconds)
    const redirect = await completeConsent(subject, consent, entries)
    return (turn: Turn) => {
      grants.commitEntries(turn, entries.held, { client, terms, rules, onDelete: "replaced" })
      return { redirect, known }
    }
  }

  async #exchange(call: GrantCall, now: number): Promise<(turn: Turn) => GrantAnswer> {
    const { sql } = this.turns
    const { kind, rules } = call
    const grant = grants.findGrant(sql, call.grant, now)
    // RFC 7009 §2.2: a token that holds no more needs no revoking.
    if (grant === null) return () => (kind === "revoke" ? { status: 200, body: "", reduced: false } : invalidGrant())
    const { client, terms } = grant
    const presented = presentedClient(call)
    if (presented !== null && presented !== client.id) return () => invalidGrant()
    const entries = entriesOver(sql, now, client, rules.codeSeconds)
    const said = await askProvider(call, entries)
    const token = kind === "refresh" ? (call.parameters.find(([name]) => name === "refresh_token")?.[1] ?? "") : ""
    const hash = await hashOf(token)
    if (said.reason === "refresh_token_mismatch") return this.#presentedAgain(grant.id, token, hash, now)
    if (isWider(call, said)) return () => fault("invalid_scope", "The grant does not reach what is asked for")
    const sealed = kind === "refresh" && said.status === 200 ? await sealAnswer(token, said.body) : null
    return (turn) => {
      const onDelete = kind === "revoke" ? "revoked" : "reuse"
      const reduced = grants.commitEntries(turn, entries.held, { client, terms, rules, onDelete })
      if (sealed !== null) spend(turn, grant.id, hash, sealed)
      return { status: said.status, body: said.body, reduced }
    }
  }

  /** A refresh token that is not the current one, from the client of the grant, which has proved who it is. */
  async #presentedAgain(grant: string, token: string, hash: string, now: number): Promise<(turn: Turn) => GrantAnswer> {
    const spent = findSpent(this.turns.sql, grant, hash, now)
    if (spent === null) return () => invalidGrant()
    if (spent.kind === "again") {
      const body = await openAnswer(token, spent.sealed)
      return () => ({ status: 200, body, reduced: false })
    }
    return (turn) => invalidGrant(grants.endGrant(turn, grant, "reuse") > 0)
  }

  authorize(consent: Consent, cause: Cause) {
    return this.#alone(() =>
      this.turns.answer<{ redirect: string; known: boolean } | Refusal>(() =>
        this.#decided<{ redirect: string; known: boolean } | Refusal>(cause, (now) => this.#authorize(consent, now)),
      ),
    )
  }

  exchange(call: GrantCall, cause: Cause) {
    return this.#alone(() => this.turns.answer(() => this.#decided(cause, (now) => this.#exchange(call, now))))
  }

  verifyAccess(grant: string, hash: string) {
    return this.turns.now(nobody, (turn) => grants.verifyAccess(turn, grant, hash) ?? refused)
  }

  listGrants() {
    return this.turns.answer(() => grants.listGrants(this.turns.sql, this.ports.now()))
  }

  revokeGrant(id: string, cause: Cause) {
    return this.turns.reduce(cause, (turn) => ({ revoked: grants.endGrant(turn, id, "revoked") }))
  }

  claimApproval(call: ApprovalCall, cause: Cause) {
    return this.turns.now(cause, (turn) => approvals.claimApproval(turn, call) ?? refused)
  }

  listApprovals() {
    return this.turns.answer(() => approvals.listApprovals(this.turns.sql, this.ports.now()))
  }

  getApproval(id: string) {
    return this.turns.answer(() => approvals.getApproval(this.turns.sql, id, this.ports.now()) ?? refused)
  }

  decideApproval(id: string, state: "granted" | "refused", cause: Cause) {
    return this.turns.now(cause, (turn) => approvals.decideApproval(turn, id, state) ?? refused)
  }
}
