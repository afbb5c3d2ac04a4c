/** The first administrator: made with a code that only the operator of the installation was shown. There is no default account. */
import * as z from "zod"
import type { Operation } from "../../core/operation.ts"
import { anyone } from "../../core/policy.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import { admit, checkChoice, type Flow, findPerson, normaliseEmail } from "../account.ts"
import { readUser, users } from "../resources.ts"
import { hashSecret, parseToken } from "../token.ts"
import { emailInput, passwordInput } from "./sign-up.ts"

const input = z
  .strictObject({
    code: z
      .string()
      .max(200)
      .describe("Printed by `npm start` on a database without administrators, or by `npm run admin:invite`"),
    email: emailInput,
    password: passwordInput,
    name: z.string().trim().min(1).max(100),
  })
  .meta({ id: "Setup" })

/** `auth.setUp`. The code proves more than a letter would: the address counts as proved. */
export function setUp(flow: Flow): Operation {
  return {
    name: "auth.setUp",
    kind: "mutation",
    summary: "Make an administrator with a one-time code",
    input,
    output: users.schema,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/set-up", status: 201 },
    engine: async (given: z.output<typeof input>, work) => {
      const ports = flow.ports()
      const { now } = work.reading
      await admit(ports, "proof", work)
      const email = normaliseEmail(given.email)
      await checkChoice(flow, given.password, [email, given.name], "/password")
      const parsed = parseToken(["st"], given.code)
      const refusal = new Problem("PERMISSION_DENIED", "The code is not valid, or was used")
      if (parsed === null) throw refusal
      const id = ports.ids.mint("user")
      const passwordSealed = await ports.passwords.hash(id, given.password)
      if (!(await ports.takeSetupCode(await hashSecret(parsed.payload), now))) throw refusal
      if ((await findPerson(work.store, "email", email)) !== null)
        throw new Problem(
          "ALREADY_EXISTS",
          "The address has an account; an administrator can give it the role. Ask for a new code",
        )
      const values = {
        id,
        email,
        name: given.name,
        roles: ["admin"],
        emailVerifiedAt: now.toISOString(),
        passwordSealed,
      }
      const itself = system("a setup code was given", id)
      await work.write(({ changes }) => void changes.as(itself).create(users, values))
      // Nobody is signed in yet, so the new administrator's record is read on their behalf.
      return readUser(work.store, id, { principal: itself, now })
    },
  }
}
