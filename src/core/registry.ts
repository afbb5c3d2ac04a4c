/** The registry: every resource and operation by name, compiled and checked. A declaration that could fail open is refused here, by name, with the cure. */

import type { SQLiteTable } from "drizzle-orm/sqlite-core"
import type * as z from "zod"
import { type AccountOptions, type AccountRules, accountRules } from "./accounts.ts"
import { type Caching, cachingOf } from "./caching.ts"
import { checkMounts, checkOperation, checkResource, checkTables } from "./checks.ts"
import { checkDeprecations } from "./deprecation.ts"
import type { Inbound } from "./inbound.ts"
import type { Cron, Job } from "./job.ts"
import type { AppLimits, CallLimits } from "./limit.ts"
import { checkResourceLimits, limitRules, unlimited } from "./limit-rules.ts"
import { type LogOptions, type TenantRule, tenantRule } from "./log.ts"
import { compileModel, type Model, type Models } from "./model.ts"
import type { Mount } from "./mount.ts"
import type { Operation } from "./operation.ts"
import { type OrganizationOptions, type OrganizationRule, organizationRule } from "./organization.ts"
import type { ProtoLock } from "./proto-lock.ts"
import { type Resource, type ResourceOptions, type RowOf, standardVerbs } from "./resource.ts"
import { schemasOf } from "./schema.ts"
import { type Compiled, compileShape } from "./shape.ts"
import { standardOperation } from "./standard.ts"
import { type UsageOptions, type UsageRule, usageRule } from "./usage.ts"

/** An operation as doors read it. Shapes compile on first use: a cold isolate pays only for what it serves. */
export interface CompiledOperation extends Operation {
  readonly inputType: Compiled
  readonly outputType: Compiled
  /** The model of a standard operation. */
  readonly model: Model | null
  /** Where the REST door serves it, when not at its usual place. */
  readonly mount: Mount | null
  readonly limits: CallLimits
  /** How its answers are cached; null: not at all. */
  readonly caching: Caching | null
}

/** An inbound webhook with its operation compiled. */
export interface CompiledInbound extends Omit<Inbound, "operation"> {
  readonly operation: CompiledOperation
}

/** What an application is, to the engine. */
export interface Registry {
  readonly title: string
  readonly version: string
  readonly models: Models
  readonly operations: ReadonlyMap<string, CompiledOperation>
  readonly mounts: readonly Mount[]
  /** Every job by name, the engine's own included. */
  readonly jobs: ReadonlyMap<string, Job>
  readonly crons: readonly Cron[]
  /** Who reads a tenant's log; null: administrators only. */
  readonly logTenant: TenantRule
  /** Which resource the organizations are; null: there are none. */
  readonly organizations: OrganizationRule
  /** Numbers of fields and values in Protocol Buffers; null: none are committed, and there is no gRPC. */
  readonly protoLock: ProtoLock | null
  /** What counts live connections that are opened. */
  readonly connectionLimits: CallLimits
  /** Who reads what was used, the budgets, the prices. */
  readonly usage: UsageRule
  /** By name. */
  readonly inbound: ReadonlyMap<string, CompiledInbound>
}

/** A declared application. */
export interface Application {
  readonly title: string
  readonly version: string
  readonly resources: readonly Resource[]
  readonly operations: readonly Operation[]
  readonly accounts: AccountRules
  readonly mounts: readonly Mount[]
  readonly jobs: readonly Job[]
  readonly crons: readonly Cron[]
  readonly log?: LogOptions
  readonly organizations?: OrganizationOptions
  readonly protoLock?: ProtoLock
  readonly limits?: AppLimits
  readonly usage?: UsageOptions
  readonly inbound: readonly Inbound[]
}

/** What the engine adds to every application. */
export interface EngineParts {
  readonly resources?: readonly Resource[]
  readonly operations?: readonly Operation[]
  readonly jobs?: readonly Job[]
}

/** One name, one type: two schemas under one name would be one type in every generated document. */
function checkNames(input: Compiled, output: Compiled, named: Map<string, string>): void {
  for (const [name, schema] of [...Object.entries(input.named), ...Object.entries(output.named)]) {
    const text = JSON.stringify(schema)
    const known = named.get(name)
    if (known !== undefined && known !== text)
      throw new Error(`Two different schemas are named ${name}; give one another .meta({ id })`)
    named.set(name, text)
  }
}

const compiledModels = new WeakMap<object, Model>()

/** The model of a resource, compiled once. */
function modelFor(resource: Resource): Model {
  let model = compiledModels.get(resource)
  if (!model) compiledModels.set(resource, (model = compileModel(resource)))
  return model
}

/**
 * Declares a resource: a table, its tenant, its policy.
 * @param name plural, lower case: the name in paths, events and policies
 * @throws Error when the table's columns cannot travel as JSON
 */
export function resource<const N extends string, T extends SQLiteTable>(
  name: N,
  options: ResourceOptions<T>,
): Resource<N, T> {
  const declared = {
    ...options,
    name,
    get schema(): z.ZodType<RowOf<T>> {
      return schemasOf(modelFor(declared as unknown as Resource)).record as unknown as z.ZodType<RowOf<T>>
    },
  }
  return declared as unknown as Resource<N, T>
}

/** Declares the application: everything that will be served. Checked when the registry is built. */
export function app(declaration: {
  readonly title: string
  readonly version?: string
  // biome-ignore lint/suspicious/noExplicitAny: each resource has its own table type; the registry reads them through models
  readonly resources: readonly Resource<string, any>[]
  readonly operations?: readonly Operation[]
  /** Parts of the REST interface whose shape somebody else dictates. */
  readonly mounts?: readonly Mount[]
  readonly jobs?: readonly Job[]
  /** What happens by the clock. */
  readonly crons?: readonly Cron[]
  /** What others tell us, signed. */
  readonly inbound?: readonly Inbound[]
  /** Rules of sign-up, sign-in and sessions; the safe values when left out. */
  readonly accounts?: AccountOptions
  /** Who, beside administrators, reads the log. */
  readonly log?: LogOptions
  /** Which resource the organizations are, for limits, plans and budgets. */
  readonly organizations?: OrganizationOptions
  /** proto.lock.json, which `npm run artefacts` keeps: without it the gRPC door is closed. */
  readonly protoLock?: ProtoLock
  /** How often anybody may call; the engine's own limits when left out. */
  readonly limits?: AppLimits
  /** Budgets by UTC day, who reads what was used, prices. Left out: usage is counted for organizations, nothing bounds it, administrators read it. */
  readonly usage?: UsageOptions
}): Application {
  const { operations = [], mounts = [], jobs = [], crons = [], inbound = [], accounts } = declaration
  return {
    version: "1.0.0",
    ...declaration,
    operations,
    mounts,
    jobs,
    crons,
    inbound,
    accounts: accountRules(accounts),
  }
}

/** A job's name stands in the log where an operation's stands, so no two share one. */
function jobsOf(jobs: readonly Job[], operations: ReadonlyMap<string, Operation>): ReadonlyMap<string, Job> {
  const byName = new Map<string, Job>()
  for (const job of jobs) {
    if (operations.has(job.name))
      throw new Error(`${job.name} is the name of a job and of an operation; rename one of them`)
    if (byName.has(job.name)) throw new Error(`Two jobs are named ${job.name}`)
    byName.set(job.name, job)
  }
  return byName
}

/** An operation that no door resolves: it stands in no registry, and whoever runs it holds it in hand. */
export function internalOperation(operation: Operation): CompiledOperation {
  return compileOperation(operation, null, { mount: null, limits: unlimited })
}

function compileOperation(
  operation: Operation,
  model: Model | null,
  found: Pick<CompiledOperation, "mount" | "limits">,
): CompiledOperation {
  return {
    ...operation,
    ...found,
    model,
    caching: cachingOf(operation, model),
    get inputType() {
      return compileShape(operation.input, `${operation.name} input`)
    },
    get outputType() {
      return compileShape(operation.output, `${operation.name} output`, "output")
    },
  }
}

/** Why records of a model cannot be judged from the log; null when they can. */
type Unwatchable = (models: Models, model: Model) => string | null

/** Whether a watch may be offered. A resource that names `watch` among its operations must be able to keep what it says. */
function isWatchable(model: Model, models: Models, unwatchable: Unwatchable | null): boolean {
  if (unwatchable === null) return false
  const why = unwatchable(models, model)
  if (why !== null && model.resource.operations?.includes("watch"))
    throw new Error(`Resource ${model.name} cannot be watched: ${why}; take "watch" from its operations`)
  return why === null
}

/** Operations of inbound webhooks need stand at no other door. */
function inboundOf(
  declared: readonly Inbound[],
  models: Models,
  operations: ReadonlyMap<string, CompiledOperation>,
): ReadonlyMap<string, CompiledInbound> {
  const byName = new Map<string, CompiledInbound>()
  for (const one of declared) {
    if (byName.has(one.name)) throw new Error(`Two inbound webhooks are named ${one.name}`)
    const known = operations.get(one.operation.name)
    if (!known) checkOperation(one.operation, models)
    // Whoever holds the secret of an inbound webhook calls as the application itself.
    const operation = known ?? compileOperation(one.operation, null, { mount: null, limits: unlimited })
    byName.set(one.name, { ...one, operation })
  }
  return byName
}

/**
 * Builds the registry of an application.
 * @param options.engine resources and operations of the engine itself, beside the application's
 * @param options.unwatchable says which resources have no `watch`; without it none has
 * @param options.eager compiles every shape now, so that a type that cannot travel is refused here and not at its first call; development
 *   and the generated documents do, production does not pay for it at its start
 * @throws Error naming the declaration, the fault and the cure
 */
export function buildRegistry(
  application: Application,
  options: { readonly engine?: EngineParts; readonly eager?: boolean; readonly unwatchable?: Unwatchable } = {},
): Registry {
  const { engine = {}, eager = false, unwatchable = null } = options
  const models = new Map<string, Model>()
  for (const declared of [...application.resources, ...(engine.resources ?? [])]) {
    if (models.has(declared.name)) throw new Error(`Two resources are named ${declared.name}`)
    models.set(declared.name, modelFor(declared))
  }
  checkTables(models)
  for (const model of models.values()) {
    checkResource(model, models)
    checkResourceLimits(model)
  }
  const organizations = organizationRule(application.organizations, models)
  const limits = limitRules(application.limits, organizations, models)
  const operations = new Map<string, CompiledOperation>()
  const named = new Map<string, string>()
  const add = (operation: Operation, mount: Mount | null = null) => {
    if (operations.has(operation.name)) throw new Error(`Two operations are named ${operation.name}`)
    checkOperation(operation, models)
    const model = operation.standard ? (models.get(operation.standard.resource) ?? null) : null
    operations.set(operation.name, compileOperation(operation, model, { mount, limits: limits.of(operation, model) }))
  }
  for (const model of models.values()) {
    for (const verb of standardVerbs)
      if (model.verbs.has(verb) && (verb !== "watch" || isWatchable(model, models, unwatchable)))
        add(standardOperation(model, verb))
  }
  for (const operation of [...application.operations, ...(engine.operations ?? [])]) add(operation)
  checkMounts(application.mounts)
  for (const mount of application.mounts) for (const operation of mount.operations) add(operation, mount)
  checkDeprecations(operations)
  if (eager) for (const { inputType, outputType } of operations.values()) checkNames(inputType, outputType, named)
  const { title, version, mounts, crons } = application
  return {
    title,
    version,
    models,
    operations,
    mounts,
    jobs: jobsOf([...application.jobs, ...(engine.jobs ?? [])], operations),
    crons,
    logTenant: tenantRule(application.log, models),
    protoLock: application.protoLock ?? null,
    organizations,
    connectionLimits: limits.connection,
    usage: usageRule(application.usage, organizations, models),
    inbound: inboundOf(application.inbound, models, operations),
  }
}
