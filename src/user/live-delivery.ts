/**
 * What an event is to a watcher: the record, if the watcher sees it now; its id alone, if it was seen before and is not now; otherwise nothing. Judged
 * in memory by the image before and the image after, masked like a list.
 */
import { dependenciesOf, judge, type Parents, type Standing } from "../authorization/judge.ts"
import type { Event } from "../core/event.ts"
import type { Model } from "../core/model.ts"
import type { Filter, ListPlan, Page } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"
import { estimateOfRows } from "../core/prices.ts"
import type { Principal } from "../core/principal.ts"
import { noFigures } from "../core/usage.ts"
import type { Told } from "../core/watch.ts"
import { loadParents, loadStanding } from "../database/standing.ts"
import type { LivePorts } from "./live-ports.ts"
import type { Seat } from "./live-seat.ts"
import { tell } from "./live-seat.ts"
import type { Watch } from "./live-watch.ts"

/** The facts of the principal now. */
export function standingNow(ports: LivePorts, { model, seat }: Watch): Promise<Standing> {
  return loadStanding(ports.database, ports.registry.models, model, seat.kept.principal)
}

/** The list of what a watch shows. */
export function listPlanOf(
  { plan }: Watch,
  more: { readonly cursor: string | null; readonly count: boolean },
): ListPlan {
  const { resource, fields, filter } = plan
  const sort = [{ field: "createdAt", descending: true }]
  return { kind: "list", resource, fields, expand: {}, filter, sort, limit: 100, q: null, ...more }
}

/** A page of what a watch shows, counted for whom it is. */
export async function readPage(
  { openStore, metering, registry, now }: LivePorts,
  { plan, seat }: Watch,
  principal: Principal,
  wanted: ListPlan,
): Promise<Page> {
  const store = openStore()
  const page = await store.list(wanted, { principal, now: now() })
  const { rowsRead, rowsWritten } = store.cost
  const estimate = estimateOfRows(registry.usage.prices, store.cost)
  metering.spend(seat.kept.principal, plan.tenant, { ...noFigures, rowsRead, rowsWritten, estimate })
  return page
}

/** Personal values stand in no event: those that the watcher may see are read as they are now. One statement for all. */
async function withPersonal(
  ports: LivePorts,
  watch: Watch,
  standing: Standing,
  told: readonly Told[],
): Promise<readonly Told[]> {
  const { model, plan } = watch
  const personal = plan.fields.filter((field) => model.columns.get(field)?.personal)
  const ids = told.flatMap((one) => (one.kind === "changed" ? [String(one.record.id)] : []))
  if (personal.length === 0 || ids.length === 0) return told
  const filter: Filter = { op: "in", field: "id", values: [...new Set(ids)] }
  const wanted = {
    ...listPlanOf(watch, { cursor: null, count: false }),
    fields: ["id", ...personal],
    filter,
    limit: ids.length,
  }
  const page = await readPage(ports, watch, standing.principal, wanted)
  const now = new Map(page.items.map((row) => [row.id, row]))
  return told.map((one): Told => {
    const row = one.kind === "changed" ? now.get(one.record.id as string) : undefined
    if (one.kind !== "changed" || row === undefined) return one
    const shown = personal.filter((field) => Object.hasOwn(one.record, field) && Object.hasOwn(row, field))
    const values = Object.fromEntries(shown.map((field) => [field, row[field] ?? null]))
    return { ...one, record: { ...one.record, ...values } }
  })
}

/** The records above those of a lot of notes, by model: read once for all watches that the lot is for. */
const above = new WeakMap<readonly Event[], Map<Model, Promise<Parents>>>()

function parentsOf(ports: LivePorts, model: Model, lot: readonly Event[]): Promise<Parents> {
  const { models } = ports.registry
  const known = above.get(lot) ?? new Map<Model, Promise<Parents>>()
  above.set(lot, known)
  let parents = known.get(model)
  if (!parents) {
    const images = lot.filter(({ resource }) => resource === model.name).flatMap(({ before, after }) => [before, after])
    known.set(model, (parents = loadParents(ports.database, models, model, images)))
  }
  return parents
}

/** What these events are to the watcher, in their order. At most one trip for records above and one for personal values. */
export async function judged(
  ports: LivePorts,
  watch: Watch,
  standing: Standing,
  events: readonly Event[],
  lot = events,
): Promise<readonly Told[]> {
  const { model, plan } = watch
  const { models } = ports.registry
  const hasParents = dependenciesOf(models, model).parents.size > 0
  const parents = hasParents ? await parentsOf(ports, model, lot) : new Map()
  const judging = { models, model, now: ports.now(), standing, parents, filter: plan.filter, fields: plan.fields }
  const told = events.flatMap(({ sequence, record, before, after }): Told[] => {
    const shown = judge(judging, after as Row | null)
    if (shown !== null) return [{ kind: "changed", sequence, record: shown }]
    return judge(judging, before as Row | null) === null ? [] : [{ kind: "removed", sequence, id: record }]
  })
  return withPersonal(ports, watch, standing, told)
}

/** Tells a watcher. */
export function pass({ seat, id }: { readonly seat: Seat; readonly id: string }, ports: LivePorts, told: Told): void {
  const { kind, ...rest } = told
  tell(seat, ports.frames, `watch.${kind}`, { subscription: id, ...rest })
  seat.kept.cursors[id] = told.sequence
}
