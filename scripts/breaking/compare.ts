/** What breaks between two sets of documents, and whether it was declared. */
import * as z from "zod"
import { asyncApiBreaks } from "./asyncapi.ts"
import { graphqlBreaks } from "./graphql.ts"
import { openApiBreaks } from "./openapi.ts"
import { protoBreaks } from "./proto.ts"
import { toolBreaks } from "./tools.ts"
import { wsdlBreaks } from "./wsdl.ts"

const comparers = {
  "openapi.json": openApiBreaks,
  "schema.graphql": graphqlBreaks,
  "api.proto": protoBreaks,
  "api.wsdl": wsdlBreaks,
  "tools.json": toolBreaks,
  "asyncapi.json": asyncApiBreaks,
} as const

/** What is compared. */
export type Artefact = keyof typeof comparers
export const artefactNames = Object.keys(comparers) as [Artefact, ...Artefact[]]

/** Texts of documents. */
export type Documents = ReadonlyMap<Artefact, string>

/** One thing that clients of the last release would stumble over. */
export interface Break {
  readonly artefact: Artefact
  /** Where, and what. */
  readonly change: string
}

/** What `api/breaking.json` holds: changes that are meant, in the words in which the check tells them. */
export const declarations = z.array(
  z.strictObject({
    artefact: z.enum(artefactNames),
    change: z.string().min(1),
    /** The version of the application that breaks it. */
    since: z.string().regex(/^\d+(\.\d+){0,2}$/),
    reason: z.string().min(1),
  }),
)
export type Declaration = z.output<typeof declarations>[number]

/** Everything that breaks. A document that is no longer there breaks as a whole. */
export function breaksBetween(before: Documents, after: Documents): readonly Break[] {
  return [...before].flatMap(([artefact, text]) => {
    const now = after.get(artefact)
    const changes = now === undefined ? ["is gone"] : comparers[artefact](text, now)
    return changes.map((change) => ({ artefact, change }))
  })
}

/** What was not declared, and what was declared and does not happen. */
export function judge(
  breaks: readonly Break[],
  declared: readonly Declaration[],
): { readonly undeclared: readonly Break[]; readonly stale: readonly Declaration[] } {
  const key = ({ artefact, change }: Break) => `${artefact} ${change}`
  const meant = new Set(declared.map(key))
  const real = new Set(breaks.map(key))
  return {
    undeclared: breaks.filter((one) => !meant.has(key(one))),
    stale: declared.filter((one) => !real.has(key(one))),
  }
}
