/** Passkeys as they cross a door: the JSON of WebAuthn Level 3 §5.1.8 to §5.1.10, which browsers make and read by themselves. */
import * as z from "zod"

const bytes = (length: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .max(length)

/** Credential ids have 1,023 bytes at most (§7.1, step 25). */
const credentialId = bytes(1364)
const clientDataJSON = bytes(4096).describe("base64url, as the browser gives it")

/** `navigator.credentials.create(…)`, as `toJSON()` gives it. What else stands in it is not looked at. */
export const attestationCredential = z
  .object({
    id: credentialId,
    rawId: credentialId,
    type: z.literal("public-key"),
    response: z.object({
      clientDataJSON,
      attestationObject: bytes(16_384),
      transports: z.array(z.string().max(32)).max(10).optional(),
    }),
  })
  .meta({ id: "PasskeyCreated", description: "RegistrationResponseJSON of WebAuthn" })

/** `navigator.credentials.get(…)`, the same. */
export const assertionCredential = z
  .object({
    id: credentialId,
    rawId: credentialId,
    type: z.literal("public-key"),
    response: z.object({
      clientDataJSON,
      authenticatorData: bytes(4096),
      signature: bytes(2048),
      userHandle: bytes(88).nullish(),
    }),
  })
  .meta({ id: "PasskeyAnswer", description: "AuthenticationResponseJSON of WebAuthn" })

export type AttestationCredential = z.output<typeof attestationCredential>
export type AssertionCredential = z.output<typeof assertionCredential>

export const passkeyState = z.string().min(1).max(2000)

/** A passkey as a second factor. */
export const assertionInput = z
  .strictObject({ state: passkeyState.describe("Of auth.beginPasskey"), credential: assertionCredential })
  .meta({ id: "PasskeyGiven" })

export type PasskeyGiven = z.output<typeof assertionInput>

const type = z.literal("public-key")

/** For `navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(…) })`. */
export const requestOptions = z
  .object({
    challenge: z.string(),
    rpId: z.string(),
    timeout: z.int().describe("Milliseconds"),
    userVerification: z.literal("required"),
  })
  .meta({ id: "PasskeyRequest", description: "PublicKeyCredentialRequestOptionsJSON of WebAuthn" })

/** For `navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(…) })`. */
export const creationOptions = z
  .object({
    challenge: z.string(),
    rp: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
    pubKeyCredParams: z.array(z.object({ type, alg: z.int() })),
    timeout: z.int().describe("Milliseconds"),
    excludeCredentials: z.array(z.object({ type, id: z.string() })),
    authenticatorSelection: z.object({
      residentKey: z.literal("required"),
      requireResidentKey: z.literal(true),
      userVerification: z.literal("required"),
    }),
    attestation: z.literal("none"),
  })
  .meta({ id: "PasskeyCreation", description: "PublicKeyCredentialCreationOptionsJSON of WebAuthn" })
