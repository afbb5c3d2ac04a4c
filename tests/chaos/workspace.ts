/** The people, organizations and tokens of a chaos run, and calls that are repeated with the same key until they are answered. */
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { typeid } from "typeid-js"
import { freshRing } from "../../scripts/ring.ts"
import { pause } from "./installation.ts"
import type { Person } from "./server.ts"

/** Somebody with a token. */
export interface Actor {
  readonly id: string
  readonly token: string
}

/** What a run is configured with, and how its people get tokens. */
export interface Keys {
  readonly variables: Readonly<Record<string, string>>
  tokenOf(user: string): Promise<string>
}

/** Fresh keys, and an issuer of the run's own that is trusted. */
export async function freshKeys(): Promise<Keys> {
  const issuer = "https://chaos.invalid"
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true })
  const key = { ...(await exportJWK(publicKey)), kid: "chaos", alg: "EdDSA", use: "sig" }
  return {
    variables: {
      // The mailbox takes letters, and a receiver on this machine may be called.
      ENVIRONMENT: "development",
      OUTBOUND_PRIVATE: "allow",
      PUBLIC_URL: "http://localhost:8787",
      TOKEN_ISSUER: issuer,
      TOKEN_AUDIENCE: "chaos",
      TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [key] }),
      CURSOR_SECRET: "c".repeat(43),
      PEPPER: freshRing(),
      KEK: freshRing(),
      REFRESH: freshRing(),
    },
    tokenOf: (user) =>
      new SignJWT({ roles: [] })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "chaos" })
        .setIssuer(issuer)
        .setAudience("chaos")
        .setSubject(user)
        .setIssuedAt()
        .setExpirationTime("1d")
        .setJti(crypto.randomUUID())
        .sign(privateKey),
  }
}

/** People with tokens, as rows to begin with. */
export async function makeActors(count: number, keys: Keys): Promise<{ people: Person[]; actors: Actor[] }> {
  const ids = Array.from({ length: count }, () => typeid("user").toString())
  const people = ids.map((id, n) => ({ id, email: `person-${n}@example.com`, passwordSealed: "" }))
  const actors = await Promise.all(ids.map(async (id) => ({ id, token: await keys.tokenOf(id) })))
  return { people, actors }
}

/** An answer. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of many operations
  readonly body: any
}

/** Calls of one run. */
export interface Calls {
  /** Calls until it is answered; a write carries one idempotency key through all its repetitions, so it happens once. */
  call(actor: Actor, line: string, body?: object): Promise<Answer>
  readonly counts: { calls: number; unanswered: number }
}

/** Calls against wherever the installation answers now. */
export function callsTo(origin: () => Promise<string>): Calls {
  const counts = { calls: 0, unanswered: 0 }
  return {
    counts,
    async call(actor, line, body) {
      const [method = "", path = ""] = line.split(" ")
      const headers = {
        Authorization: `Bearer ${actor.token}`,
        ...(body ? { "Content-Type": "application/json" } : {}),
        // A secret is answered once and never stored, so that call takes no key.
        ...(method === "GET" || path.endsWith("/webhook_endpoints") ? {} : { "Idempotency-Key": crypto.randomUUID() }),
      }
      for (let turn = 0; turn < 200; turn++) {
        counts.calls++
        try {
          const signal = AbortSignal.timeout(15_000)
          const answer = await fetch((await origin()) + path, {
            method,
            headers,
            signal,
            ...(body ? { body: JSON.stringify(body) } : {}),
          })
          const text = await answer.text()
          const parsed = text === "" ? null : JSON.parse(text)
          const isPassing = [429, 500, 502, 503, 504].includes(answer.status) || parsed?.code === "ABORTED"
          if (!isPassing) return { status: answer.status, body: parsed }
        } catch {
          // No answer arrived: the same call with the same key goes out again.
        }
        counts.unanswered++
        await pause(50 + Math.random() * 150)
      }
      throw new Error(`${line} gets no answer`)
    },
  }
}
