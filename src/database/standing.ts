/**
 * What live delivery has to know before it judges in memory: a principal's grants and roles as they stand at one place of the log, and the records
 * above those that are judged. A batch is one transaction, so grants and place belong together.
 */
import { dependenciesOf, grantKey, type Parents, parentKey, type Standing } from "../authorization/judge.ts"
import { reached } from "../authorization/reach.ts"
import { quote } from "../authorization/statement.ts"
import { columnOf, parentOf } from "../authorization/vocabulary.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Row } from "../core/ports.ts"
import { type Principal, principalId } from "../core/principal.ts"
import type { Grants } from "../core/resource.ts"
import { jsonImage } from "./projection.ts"

/** Records above records above records: as deep as policies inherit. */
const levelsMax = 8

function grantsOf(models: Models, kind: "members" | "shares", of: string): Grants {
  const grants = modelOf(models, of)[kind]
  if (!grants) throw new Error(`${of} declares no ${kind}`)
  return grants
}

function grantsSql(models: Models, grants: Grants): string {
  const table = modelOf(models, grants.resource)
  const name = (key: string) => quote(columnOf(table, key).name)
  return `select ${name(grants.record)} as "record", ${name(grants.role)} as "role" from ${quote(table.table)} where ${name(grants.user)} = ?1`
}

/** Higher of two roles; those that are not declared count for nothing. */
function keepHighest(held: Map<string, string>, key: string, role: string, roles: readonly string[]): void {
  if (roles.indexOf(role) > roles.indexOf(held.get(key) ?? "")) held.set(key, role)
}

/** True for a principal whose roles are ours to say: those of another issuer's tokens are the token's. */
function isOwn(principal: Principal): principal is Extract<Principal, { kind: "user" }> {
  return principal.kind === "user" && (principal.session !== undefined || principal.key !== undefined)
}

/** The principal's grants and roles that matter to reading the model, and the place of the log at which they stood. One trip. */
export async function loadStanding(
  database: D1Database,
  models: Models,
  model: Model,
  principal: Principal,
): Promise<Standing> {
  const user = principalId(principal) ?? null
  const lookups = user === null ? [] : dependenciesOf(models, model).lookups
  const own = isOwn(principal)
  const session = database.withSession("first-primary")
  const answers = await session.batch<Record<string, unknown>>([
    session.prepare('select coalesce(max("sequence"), 0) as "newest" from "events"'),
    session.prepare('select "roles", "status" from "users" where "id" = ?1').bind(own ? user : ""),
    ...lookups.map(({ kind, of }) => session.prepare(grantsSql(models, grantsOf(models, kind, of))).bind(user)),
  ])
  const account = answers[1]?.results[0]
  const grants = new Map<string, string>()
  for (const [n, { kind, of }] of lookups.entries()) {
    const { roles } = grantsOf(models, kind, of)
    for (const { record, role } of answers[n + 2]?.results ?? [])
      keepHighest(grants, grantKey(kind, of, String(record)), String(role), roles)
  }
  return {
    sequence: Number(answers[0]?.results[0]?.newest ?? 0),
    principal: own && account ? { ...principal, roles: JSON.parse(String(account.roles)) as string[] } : principal,
    isActive: !own || account?.status === "active",
    grants,
  }
}

/** Ids by resource. */
type Wanted = Map<string, Set<string>>

/** The records that policies of a model inherit from, for these images. */
function above(
  models: Models,
  model: Model,
  columns: readonly string[],
  images: Iterable<Readonly<Row>>,
  to: Wanted,
): void {
  for (const column of columns) {
    const { name } = parentOf(models, model, column)
    for (const image of images) {
      const id = image[column]
      if (typeof id !== "string") continue
      if (!to.has(name)) to.set(name, new Set())
      to.get(name)?.add(id)
    }
  }
}

function parentStatements(session: D1DatabaseSession, model: Model, ids: string): D1PreparedStatement[] {
  const image = jsonImage(model, "t", { personal: true })
  return [
    session
      .prepare(
        `select t."id" as "id", ${image} as "image" from ${quote(model.table)} as t where t."id" in (select value from json_each(?1))`,
      )
      .bind(ids),
    // What is gone is judged as it was: its children's deletions are told to those who saw them.
    session
      .prepare(
        `select "record" as "id", "before" as "image", max("sequence") from "events" where "resource" = ?2 and "change" = 'deleted'
           and "record" in (select value from json_each(?1)) group by "record"`,
      )
      .bind(ids, model.name),
  ]
}

/** An image of the log without what it does not keep: what is absent is UNKNOWN, and null would be known. */
function known(model: Model, image: Row): Row {
  return Object.fromEntries(Object.entries(image).filter(([key]) => model.columns.get(key)?.personal === false))
}

/** The records above these images that inherited policies ask for, as they are now, or as they were when they went. A trip a level. */
export async function loadParents(
  database: D1Database,
  models: Models,
  model: Model,
  images: readonly (Readonly<Row> | null)[],
): Promise<Parents> {
  const inherited = new Map<string, Set<string>>()
  for (const { model: of, condition } of reached(models, model)) {
    if (condition.kind !== "can") continue
    if (!inherited.has(of.name)) inherited.set(of.name, new Set())
    inherited.get(of.name)?.add(condition.column)
  }
  const parents = new Map<string, Readonly<Row>>()
  let level = new Map([[model.name, images.filter((image) => image !== null)]])
  for (let depth = 0; depth < levelsMax; depth++) {
    const wanted: Wanted = new Map()
    for (const [name, rows] of level)
      above(models, modelOf(models, name), [...(inherited.get(name) ?? [])], rows, wanted)
    for (const [name, ids] of wanted) for (const id of ids) if (parents.has(parentKey(name, id))) ids.delete(id)
    const asked = [...wanted].filter(([, ids]) => ids.size > 0)
    if (asked.length === 0) return parents
    const session = database.withSession("first-primary")
    const statements = asked.flatMap(([name, ids]) =>
      parentStatements(session, modelOf(models, name), JSON.stringify([...ids])),
    )
    const answers = await session.batch<{ id: string; image: string }>(statements)
    level = new Map()
    for (const [n, [name]] of asked.entries()) {
      const above = modelOf(models, name)
      const dead = (answers[2 * n + 1]?.results ?? []).map(
        ({ id, image }) => [id, known(above, JSON.parse(image))] as const,
      )
      const living = (answers[2 * n]?.results ?? []).map(({ id, image }) => [id, JSON.parse(image) as Row] as const)
      // The living after the dead: an id that was given again counts as it is.
      const rows = new Map([...dead, ...living])
      for (const [id, row] of rows) parents.set(parentKey(name, id), row)
      level.set(name, [...rows.values()])
    }
  }
  return parents
}
