/**
 * Our verification of passkeys against @simplewebauthn/server, which is kept and widely used but 91 KiB of bundle: whatever a browser or an attacker
 * may send, both say the same. Counters are left out: there the user's object decides.
 */
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server"
import fc from "fast-check"
import { base64url } from "jose"
import { describe, expect, test } from "vitest"
import { type Expected, verifyAssertion, verifyRegistration } from "../../src/authentication/passkey-verify.ts"
import { type Algorithm, type Bend, bits, type SoftPasskey, softPasskey } from "../support/passkeys.ts"

const site = { origin: "https://app.example.com" }
const rpId = "example.com"
const challenge = base64url.encode(new Uint8Array(32).fill(7))
const expected: Expected = { challenge, origins: [site.origin, "https://example.com"], rpId }
const user = { id: base64url.encode(new Uint8Array(16).fill(1)) }
const algorithms: readonly Algorithm[] = ["ES256", "EdDSA", "RS256"]
const creation = { challenge, rp: { id: rpId }, user }
const request = { challenge, rpId }

type Creation = Awaited<ReturnType<SoftPasskey["create"]>>
type Assertion = Awaited<ReturnType<SoftPasskey["get"]>>

const accepted = async (run: () => Promise<{ verified: boolean }>): Promise<boolean> => {
  try {
    return (await run()).verified
  } catch {
    return false
  }
}

const told = { expectedChallenge: challenge, expectedOrigin: [...expected.origins], expectedRPID: rpId }
const oracleCreates = (response: Creation) =>
  accepted(() =>
    verifyRegistrationResponse({ response: { ...response, clientExtensionResults: {} } as never, ...told }),
  )
const oracleAsserts = (response: Assertion, publicKey: string) =>
  accepted(() => {
    const credential = { id: response.id, publicKey: base64url.decode(publicKey), counter: 0 }
    return verifyAuthenticationResponse({
      response: { ...response, clientExtensionResults: {} } as never,
      credential: credential as never,
      ...told,
    })
  })

const parts: readonly fc.Arbitrary<Bend>[] = [
  fc.record({
    origin: fc.constantFrom(site.origin, "https://example.com", "https://evil.example", "https://app.example.com.evil"),
  }),
  fc.record({ rpId: fc.constantFrom(rpId, "app.example.com", "evil.example") }),
  fc.record({ type: fc.constantFrom("webauthn.get", "webauthn.create", "payment.get") }),
  fc.record({ challenge: fc.constantFrom(challenge, `${challenge}A`, "", base64url.encode(new Uint8Array(32))) }),
  fc.record({ without: fc.constantFrom(0, bits.present, bits.verified, bits.present | bits.verified) }),
  fc.record({ with: fc.constantFrom(bits.eligible, bits.backedUp, bits.eligible | bits.backedUp, bits.extended) }),
  fc.record({
    with: fc.constantFrom(0, bits.extended),
    behind: fc.constantFrom(new Uint8Array([0]), new Uint8Array([0xa0]), new Uint8Array([0xa0, 0])),
  }),
  fc.record({ forged: fc.boolean() }),
  fc.record({ rawId: fc.constant("AAAA") }),
  fc.record({ counter: fc.constantFrom(0, 1, 2 ** 32 - 1) }),
]

/** None, one or two of them. */
const bends = fc.array(fc.oneof(...parts), { maxLength: 2 }).map((some): Bend => Object.assign({}, ...some))

/** Bytes of a text that are changed somewhere. */
function damaged(text: string, at: number, bit: number): string {
  const bytes = base64url.decode(text)
  const place = at % bytes.length
  bytes[place] = (bytes[place] as number) ^ (1 << bit)
  return base64url.encode(bytes)
}

const damages = fc.option(
  fc.tuple(
    fc.constantFrom("clientDataJSON", "authenticatorData", "signature", "attestationObject"),
    fc.nat(),
    fc.nat(7),
  ),
  { freq: 1, nil: null },
)

function withDamage<T extends { response: object }>(given: T, damage: readonly [string, number, number] | null): T {
  if (damage === null) return given
  const [part, at, bit] = damage
  const text = (given.response as Record<string, unknown>)[part]
  if (typeof text !== "string") return given
  return { ...given, response: { ...given.response, [part]: damaged(text, at, bit) } }
}

describe.each(algorithms)("%s", (algorithm) => {
  test("a passkey is made and used, and both agree on what was made", async () => {
    const passkey = await softPasskey(site, { algorithm, isSynced: true })
    const created = await passkey.create(creation)
    const made = await verifyRegistration(created, expected)
    if (made.fault !== null) throw new Error(made.fault)
    const oracle = await verifyRegistrationResponse({ response: created as never, ...told })
    expect(made.credential).toBe(oracle.registrationInfo?.credential.id)
    expect(made.publicKey).toBe(base64url.encode(oracle.registrationInfo?.credential.publicKey as Uint8Array))
    expect(made).toMatchObject({ isSynced: true, counter: 0 })
    const asserted = await passkey.get(request)
    expect(await verifyAssertion(asserted, made.publicKey, expected)).toEqual({
      fault: null,
      counter: 0,
      isSynced: true,
    })
    expect(await oracleAsserts(asserted, made.publicKey)).toBe(true)
  })

  test("whatever is bent or damaged, both say the same of a new passkey", async () => {
    const seen = { yes: 0, no: 0 }
    const passkey = await softPasskey(site, { algorithm })
    await fc.assert(
      fc.asyncProperty(bends, damages, async (bend, damage) => {
        const created = withDamage(await passkey.create(creation, bend), damage)
        const ours = (await verifyRegistration(created, expected)).fault === null
        expect(ours, JSON.stringify(created)).toBe(await oracleCreates(created))
        seen[ours ? "yes" : "no"]++
      }),
      { numRuns: 150 },
    )
    expect(seen.yes).toBeGreaterThan(20)
    expect(seen.no).toBeGreaterThan(30)
  })

  test("whatever is bent or damaged, both say the same of an answer", async () => {
    const seen = { yes: 0, no: 0 }
    const passkey = await softPasskey(site, { algorithm })
    const made = await verifyRegistration(await passkey.create(creation), expected)
    if (made.fault !== null) throw new Error(made.fault)
    await fc.assert(
      fc.asyncProperty(bends, damages, async (bend, damage) => {
        const answer = withDamage(await passkey.get(request, bend), damage)
        const ours = (await verifyAssertion(answer, made.publicKey, expected)).fault === null
        expect(ours, JSON.stringify(answer)).toBe(await oracleAsserts(answer, made.publicKey))
        seen[ours ? "yes" : "no"]++
      }),
      { numRuns: 150 },
    )
    expect(seen.yes).toBeGreaterThan(20)
    expect(seen.no).toBeGreaterThan(30)
  })
})
