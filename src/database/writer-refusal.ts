/**
 * Why a batch was not written, in the words that its caller may hear. Invisible is absent, visible is refused; one more read at most
 * tells them apart, and looks up the idempotency key at the same time.
 */
import type { Write } from "../core/changes.ts"
import type { Code } from "../core/code.ts"
import { type Model, modelOf } from "../core/model.ts"
import type { Batch, Committed } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { denied, notFound, Problem, type ProblemOptions } from "../core/problem.ts"
import type { Client, RawRow, Statement } from "./client.ts"
import { databaseProblem, type Fault, faultOf, type Given } from "./constraint.ts"
import { replayStatement, storedAnswer } from "./replay.ts"
import { shapeOf } from "./statement-cache.ts"
import { probeShape } from "./writer-delete.ts"
import { inputPath } from "./writer-groups.ts"
import { type Plan, type Planning, placed } from "./writer-plan.ts"
import { bound } from "./writer-source.ts"

/** A batch that did not commit. */
export interface Failed {
  readonly batch: Batch
  readonly plan: Plan
  readonly planning: Planning
  readonly client: Client
}

/** Which record a refusal is about, and what was wanted of it. */
interface Subject {
  readonly model: Model
  readonly id: string
  readonly as: Principal
  readonly action: string
  /** The version that the caller named. */
  readonly version: number | null
  /** The version that a decision stood on. */
  readonly decided: number | null
  /** JSON pointer of the record in the input, when it stands in a list. */
  readonly path: string
}

/**
 * Ends a batch that was not written: answers as the first time when its key was used, tells that a decision is stale, or throws.
 * @param thrown what D1 threw; null when the only write matched nothing
 */
export async function refuse(failed: Failed, thrown: unknown): Promise<Committed> {
  const { batch, planning, client } = failed
  const fault: Fault = thrown === null ? { kind: "guard", name: "guard:write:0" } : faultOf(thrown)
  const subject = fault.kind === "guard" ? subjectOf(failed, fault.name) : null
  const probed = subject !== null && subject.action !== "create"
  const statements: Statement[] = []
  if (batch.idempotency) statements.push(replayStatement(batch.idempotency.key, batch.now))
  if (probed) statements.push(probe(failed, subject))
  const results = statements.length === 0 ? [] : await lookUp(client, statements, thrown, planning)
  const stored = batch.idempotency && storedAnswer(results[0] ?? [], batch.idempotency.inputHash)
  if (stored) return { kind: "replayed", ...stored }
  if (fault.kind === "guard" && fault.name === "guard:stale") return { kind: "stale" }
  if (fault.kind === "guard" && fault.name === "guard:lease")
    throw new Problem("ABORTED", "The job is in other hands by now")
  if (fault.kind === "guard" && fault.name.startsWith("guard:refuse:")) throw inTheWay(fault.name)
  if (fault.kind === "guard" && fault.name.startsWith("guard:cascade:")) throw tooMany(fault.name)
  if (!subject) throw databaseProblem(thrown, planning.models, givenBy(batch))
  const row = probed ? results.at(-1)?.[0] : undefined
  if (subject.decided !== null && row?.version !== subject.decided && subject.version === null) return { kind: "stale" }
  throw refusal(subject, row)
}

async function lookUp(
  client: Client,
  statements: readonly Statement[],
  thrown: unknown,
  planning: Planning,
): Promise<readonly (readonly RawRow[])[]> {
  try {
    return await client.batch(statements)
  } catch (second) {
    throw databaseProblem(thrown ?? second, planning.models)
  }
}

function subjectOf(failed: Failed, name: string): Subject | null {
  const { batch, plan, planning } = failed
  const [, kind, position] = name.split(":")
  if (kind === "required") {
    const required = batch.required[Number(position)]
    if (!required) return null
    const model = modelOf(planning.models, required.on.resource)
    return {
      model,
      id: required.id,
      as: batch.principal,
      action: required.on.action,
      version: null,
      decided: null,
      path: "",
    }
  }
  const index = Number(position)
  const write: Write | undefined = kind === "write" ? batch.writes[index] : undefined
  if (!write) return null
  return {
    model: modelOf(planning.models, write.resource),
    id: write.id,
    as: write.as,
    action: write.kind,
    version: write.kind === "create" ? null : write.version,
    decided: plan.decided.get(index) ?? null,
    path: inputPath(batch, index).record,
  }
}

function probe(failed: Failed, subject: Subject): Statement {
  const { batch, planning } = failed
  const key = `probe\n${subject.model.name}\n${shapeOf(subject.as)}`
  const shape = planning.kept(key, () => probeShape(planning.models, subject.model, subject.as))
  return bound(shape, { as: subject.as, caller: subject.as, now: batch.now }, placed(subject.id, ""))
}

function refusal(subject: Subject, row: RawRow | undefined): Problem {
  if (subject.action === "create")
    return at(subject, "permission_denied", denied(`create this record in ${subject.model.name}`))
  if (row?.visible !== 1) return at(subject, "not_found", notFound(subject.model.name))
  if (subject.version !== null && row.version !== subject.version) {
    const problem = new Problem("FAILED_PRECONDITION", "The record has changed since the version that you named", {
      type: "version-mismatch",
    })
    return at(subject, "version_mismatch", problem)
  }
  if (subject.action === "read") return at(subject, "not_found", notFound(subject.model.name))
  return at(subject, "permission_denied", denied(`${subject.action} this record in ${subject.model.name}`))
}

/** The same problem, with the place of the record in the input when it stood in a list. */
function at(subject: Subject, code: string, problem: Problem): Problem {
  if (subject.path === "") return problem
  const options: ProblemOptions = {
    ...problem.options,
    violations: [{ path: subject.path, code, message: problem.message }],
  }
  return new Problem(problem.code satisfies Code, problem.message, options)
}

function inTheWay(name: string): Problem {
  return new Problem("FAILED_PRECONDITION", `Records in ${name.split(":")[2]} still belong to it`)
}

function tooMany(name: string): Problem {
  return new Problem(
    "FAILED_PRECONDITION",
    `Too many records in ${name.split(":")[2]} belong to it; delete some of them first`,
  )
}

/** The fields that the writes of a batch gave, for a conflict message. A field that several writes gave is named without its record. */
function givenBy(batch: Batch): Given {
  return {
    principal: batch.principal,
    pathOf: (model, key) => {
      const stamp = model.fields[key]?.stamp
      if (stamp) return null
      const givers = [...batch.writes.keys()].filter((index) => {
        const write = batch.writes[index] as Write
        return write.kind !== "delete" && write.resource === model.name && write.values[key] !== undefined
      })
      const first = givers[0]
      if (first === undefined) return null
      const place = inputPath(batch, first)
      return givers.length > 1 && place.record !== "" ? "/records" : `${place.fields}/${key}`
    },
  }
}
