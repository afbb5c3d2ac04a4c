/** The public surface: what an application may import. Loads in plain Node, because drizzle-kit loads it. */
export { index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
export { users } from "./authentication/resources.ts"
export type { AccountOptions } from "./core/accounts.ts"
export type { CacheOptions, Duration, OperationCacheOptions } from "./core/caching.ts"
export type { Changes, Pending } from "./core/changes.ts"
export { type Code, codes } from "./core/code.ts"
export {
  boolean,
  bytes,
  date,
  enumeration,
  id,
  instant,
  int32,
  int64,
  json,
  personal,
  record,
  reference,
  secret,
} from "./core/column.ts"
export type {
  Accounts,
  Also,
  Context,
  Found,
  HandlerIds,
  Ids,
  ListOptions,
  Read,
  Secrets,
  Select,
  Which,
} from "./core/context.ts"
export type { Deprecation } from "./core/deprecation.ts"
export {
  hmacHeader,
  type Inbound,
  type InboundMessage,
  type InboundOptions,
  inbound,
  standardWebhook,
  type Verification,
} from "./core/inbound.ts"
export {
  type Cron,
  cron,
  type Job,
  type JobContext,
  type JobOptions,
  job,
  type Outbound,
  type Retry,
} from "./core/job.ts"
export type { Json, JsonObject } from "./core/json.ts"
export type { AppLimits, ByPlan, LimitList, LimitOptions, LimitPer, ResourceLimits } from "./core/limit.ts"
export type { LogOptions } from "./core/log.ts"
export { type Mount, type MountOptions, mount, type ProblemRendering, type ToldProblem } from "./core/mount.ts"
export {
  get,
  type Operation,
  type OperationOptions,
  on,
  operation,
  patch,
  post,
  put,
  type RestBinding,
  remove,
} from "./core/operation.ts"
export type { Mail } from "./core/outbox.ts"
export type { Filter, SortKey } from "./core/plan.ts"
export {
  type Action,
  after,
  all,
  any,
  anyone,
  before,
  type Condition,
  can,
  compare,
  deny,
  is,
  isNot,
  isNull,
  me,
  memberOf,
  mine,
  nobody,
  not,
  now,
  oneOf,
  type Policy,
  role,
  rule,
  shared,
  signedIn,
  type Value,
} from "./core/policy.ts"
export type { Prices } from "./core/prices.ts"
export { anonymous, callerId, type Principal, system } from "./core/principal.ts"
export { Problem, type Violation } from "./core/problem.ts"
export type { Asking, OAuthProvider, OpenIdProvider, Provider, ProviderOptions, Vouched } from "./core/provider.ts"
export { type Application, app, resource } from "./core/registry.ts"
export {
  type Computed,
  countOf,
  existsOf,
  type FieldRule,
  type Grants,
  immutable,
  many,
  one,
  own,
  parent,
  type Relation,
  type Resource,
  type ResourceOptions,
  type RowOf,
  stamp,
} from "./core/resource.ts"
export { idSchema } from "./core/schema.ts"
export type { Budget, UsageOptions } from "./core/usage.ts"
export { userTable } from "./database/schema.ts"
export { type FacebookOptions, facebook } from "./integrations/providers/facebook.ts"
export { github } from "./integrations/providers/github.ts"
export { google } from "./integrations/providers/google.ts"
export { linkedin } from "./integrations/providers/linkedin.ts"
export { type OpenIdOptions, oidc } from "./integrations/providers/openid.ts"
export { x } from "./integrations/providers/x.ts"
export { jobRuns } from "./jobs/resources.ts"
