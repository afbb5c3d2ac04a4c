/**
 * Signing keys in D1: the rows, and the one batch that changes them. Each statement is guarded by the state that it was planned on, so that
 * isolates which rotate at the same moment end with the same keys. The private part is sealed and bound to its kid. Throws UNAVAILABLE when
 * D1 does not answer.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose"
import * as z from "zod"
import { Problem } from "../core/problem.ts"
import type { Sealer } from "../core/sealing.ts"
import {
  type KeyFacts,
  planRotation,
  type RotationMode,
  type RotationRules,
  type RotationStep,
} from "./keys-rotation.ts"

/** An Ed25519 public key as it is published (RFC 7517, RFC 8037). */
export interface PublicSigningKey {
  readonly kty: "OKP"
  readonly crv: "Ed25519"
  readonly x: string
  readonly kid: string
  readonly alg: "EdDSA"
  readonly use: "sig"
}

/** A row. */
export interface StoredKey extends KeyFacts {
  readonly publicJwk: PublicSigningKey
  readonly sealedPrivate: string
}

/** Where keys live and what they are sealed with. */
export interface KeyPorts {
  readonly database: D1Database
  /** Over the key-encryption ring. */
  readonly sealer: Sealer
}

/** What the seal is bound to beside the kid. */
export const privateKeyPurpose = "signing-key"

const instant = z.string().transform((text) => Date.parse(text))
const rowForm = z.object({
  kid: z.string(),
  publicJwk: z
    .string()
    .transform((text) => JSON.parse(text))
    .pipe(
      z.object({
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        x: z.base64url(),
        kid: z.string(),
        alg: z.literal("EdDSA"),
        use: z.literal("sig"),
      }),
    ),
  sealedPrivate: z.string(),
  state: z.enum(["next", "current", "retired"]),
  createdAt: instant,
  activatedAt: instant.nullable(),
  retiredAt: instant.nullable(),
})

/** UNAVAILABLE, with the cause for the operator. */
export function keysUnavailable(cause: unknown): Problem {
  return new Problem("UNAVAILABLE", "Who you are cannot be checked right now", { cause })
}

async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    throw keysUnavailable(cause)
  }
}

/** All keys, from the primary. One read. */
export function readKeys(database: D1Database): Promise<readonly StoredKey[]> {
  return ask(async () => {
    const { results } = await database.prepare('select * from "signing_keys" order by "createdAt", "kid"').all()
    return z.array(rowForm).parse(results)
  })
}

const insert = `insert into "signing_keys" ("kid", "publicJwk", "sealedPrivate", "state", "createdAt", "activatedAt", "retiredAt")
  select ?1, ?2, ?3, ?4, ?5, ?6, null where not exists (select 1 from "signing_keys" where "state" = ?4)`
const retire = `update "signing_keys" set "state" = 'retired', "retiredAt" = ?2 where "kid" = ?1 and "state" = 'current'`
const activate = `update "signing_keys" set "state" = 'current', "activatedAt" = ?2 where "kid" = ?1 and "state" = 'next'
  and not exists (select 1 from "signing_keys" where "state" = 'current')`
const remove = `delete from "signing_keys" where "kid" = ?1 and "state" = ?2`
const reseal = `update "signing_keys" set "sealedPrivate" = ?3 where "kid" = ?1 and "sealedPrivate" = ?2`

async function createStatement(
  { database, sealer }: KeyPorts,
  state: "next" | "current",
  now: string,
): Promise<D1PreparedStatement> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true })
  const bare = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(bare)
  const sealedPrivate = await sealer.seal(privateKeyPurpose, kid, JSON.stringify(await exportJWK(privateKey)))
  const publicJwk = JSON.stringify({ kty: bare.kty, crv: bare.crv, x: bare.x, kid, alg: "EdDSA", use: "sig" })
  return database.prepare(insert).bind(kid, publicJwk, sealedPrivate, state, now, state === "current" ? now : null)
}

function statementOf(
  ports: KeyPorts,
  step: RotationStep,
  now: string,
): D1PreparedStatement | Promise<D1PreparedStatement> {
  const { database } = ports
  switch (step.kind) {
    case "remove":
      return database.prepare(remove).bind(step.kid, step.from)
    case "retire":
      return database.prepare(retire).bind(step.kid, now)
    case "activate":
      return database.prepare(activate).bind(step.kid, now)
    case "create":
      return createStatement(ports, step.state, now)
  }
}

/** Statements that seal anew what stands under an old key of the ring. */
async function resealing({ database, sealer }: KeyPorts, keys: readonly StoredKey[]): Promise<D1PreparedStatement[]> {
  const statements: D1PreparedStatement[] = []
  for (const { kid, sealedPrivate } of keys.filter((key) => sealer.isStale(key.sealedPrivate))) {
    const text = await sealer.open(privateKeyPurpose, kid, sealedPrivate)
    if (text === null) continue
    const sealed = await sealer.seal(privateKeyPurpose, kid, text)
    statements.push(database.prepare(reseal).bind(kid, sealedPrivate, sealed))
  }
  return statements
}

/**
 * Brings the keys where they should be: makes the first ones, switches when it is time, removes what is over, seals anew under the ring's
 * current key. Any number may do so at once; they end with the same keys. Two trips, or one when nothing is to be done.
 * @returns what was planned
 */
export async function rotateKeys(
  ports: KeyPorts,
  now: Date,
  mode: RotationMode,
  rules: RotationRules,
): Promise<readonly RotationStep[]> {
  const keys = await readKeys(ports.database)
  const steps = planRotation(keys, now.getTime(), mode, rules)
  const statements = await resealing(ports, mode === "compromised" ? [] : keys)
  for (const step of steps) statements.push(await statementOf(ports, step, now.toISOString()))
  if (statements.length > 0) await ask(() => ports.database.batch(statements))
  return steps
}
