/** Conduit, as the RealWorld specification wants it: its paths, its envelopes, its errors, its scheme. */
import { app, type Code, mount, type ToldProblem } from "selvage"
import * as z from "zod"
import { articleOperations } from "./articles.ts"
import { commentOperations } from "./comments.ts"
import { articles, articleTags, comments, favorites, follows, profiles } from "./data.ts"
import { peopleOperations } from "./people.ts"

/** Faults of what was sent are 422 here. */
const unprocessable: ReadonlySet<Code> = new Set(["INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION"])

/** `{ errors: { body: [all of them], title: [those of the title] } }`. */
function errorsOf({ message, violations }: ToldProblem) {
  const errors: Record<string, string[]> = { body: violations.length > 0 ? [] : [message] }
  for (const { path, message: words } of violations) {
    const field = path.split("/").at(-1) || "body"
    errors[field] = [...(errors[field] ?? []), words]
    if (field !== "body") errors.body = [...(errors.body ?? []), `${field}: ${words}`]
  }
  return { errors }
}

const problem = {
  schema: z.object({ errors: z.record(z.string(), z.array(z.string())) }).meta({ id: "GenericErrorModel" }),
  render: (told: ToldProblem) => ({
    status: unprocessable.has(told.code) && told.type === null ? 422 : told.status,
    body: errorsOf(told),
  }),
}

const operations = [...peopleOperations, ...articleOperations, ...commentOperations]

export default app({
  title: "Conduit",
  resources: [profiles, follows, articles, articleTags, favorites, comments],
  mounts: [mount("/api", { operations, schemes: ["Token"], problem })],
  // What the specification dictates: a token at once, taken addresses told, no second token to renew the first.
  accounts: {
    emailVerification: "optional",
    takenAddress: "told",
    password: { minimum: 8 },
    accessSeconds: 7 * 24 * 3600,
  },
})
