/**
 * `npm run test:chaos`, second part: live clients watch tasks while writers change 10,000 of them, sockets are cut at random and the runtime is
 * killed (kill -9) three times, which takes every object's memory with it. Afterwards each client's set must be what a SELECT written here says,
 * no event lost and none told twice, every notification in its inbox once, every webhook at its receiver. Exits 1 otherwise.
 * `-- --clients 50 --changes 10000 --kills 3` are the defaults; `--drop` swallows one event on its way, which has to turn it red.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { buildBundle, hastyMain } from "../../scripts/bundle.ts"
import { run, Stop } from "../../scripts/local.ts"
import { Installation, pause } from "./installation.ts"
import { openTruth, type Truth } from "./live-truth.ts"
import { type Receiver, startReceiver } from "./receiver.ts"
import { startServer } from "./server.ts"
import { Watcher } from "./watcher.ts"
import { type Actor, type Calls, callsTo, freshKeys, makeActors } from "./workspace.ts"
import { type Organization, setUp, writeUntil } from "./writers.ts"

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    changes: { type: "string", default: "10000" },
    kills: { type: "string", default: "3" },
    drop: { type: "boolean", default: false },
  },
})

const organizationsCount = 5
const refuseOneIn = 20

async function lagOf(origin: string): Promise<{ events: number; jobs: number } | null> {
  try {
    const { parts } = (await (await fetch(`${origin}/health/ready`)).json()) as {
      parts: { part: string; lag?: { events: number; jobs: number } }[]
    }
    return parts.find(({ part }) => part === "feed")?.lag ?? null
  } catch {
    // It is just starting again.
    return null
  }
}

/** Until the feed has read the log, no job waits, and no client was told anything for a while. */
async function settle(installation: Installation, watchers: readonly Watcher[]): Promise<number> {
  const begun = performance.now()
  const told = () => watchers.reduce((sum, { counts }) => sum + counts.changed + counts.removed + counts.resets, 0)
  for (let quiet = 0; quiet < 6; ) {
    if (performance.now() - begun > 240_000)
      throw new Stop("It does not settle: the feed or jobs stay behind for four minutes")
    const before = told()
    await pause(500)
    const lag = await lagOf(await installation.origin())
    quiet = lag?.events === 0 && lag.jobs === 0 && told() === before ? quiet + 1 : 0
  }
  return (performance.now() - begun) / 1000
}

/** What is wrong with what the clients have. */
function faultsOf(
  watchers: readonly Watcher[],
  truth: Truth,
): { lost: string[]; twice: string[]; differing: string[] } {
  const faults = { lost: [] as string[], twice: [] as string[], differing: [] as string[] }
  for (const watcher of watchers) {
    const { user, organization } = watcher.watching
    const line = ({ id, version, title }: { id: string; version: number; title: string }) => `${id} ${version} ${title}`
    const expected = truth.visible(user, organization).map(line).sort()
    const held = watcher.held.map(line).sort()
    if (JSON.stringify(expected) !== JSON.stringify(held)) {
      const missing = expected.filter((one) => !held.includes(one))
      const surplus = held.filter((one) => !expected.includes(one))
      faults.differing.push(
        `${user}: misses ${missing.slice(0, 2)} (${missing.length}), has ${surplus.slice(0, 2)} (${surplus.length})`,
      )
    }
    faults.twice.push(...watcher.faults.map((fault) => `${user}: ${fault}`))
    // Whoever sees all of an organization is owed every event behind the last list.
    if (!truth.seesAll(user, organization)) continue
    const told = new Set(watcher.sequences)
    for (const sequence of truth.sequences(organization))
      if (sequence > watcher.listedUpTo && !told.has(sequence)) faults.lost.push(`${user}: ${sequence}`)
  }
  return faults
}

async function faultsOfOthers(truth: Truth, receiver: Receiver, organizations: readonly Organization[], calls: Calls) {
  const wrong: string[] = []
  const hooked = organizations.filter(({ isHooked }) => isHooked).flatMap(({ id }) => truth.eventIds(id))
  const missing = hooked.filter((id) => !receiver.accepted.has(id))
  if (missing.length > 0) wrong.push(`${missing.length} of ${hooked.length} webhooks did not arrive`)
  const known = new Set(hooked)
  for (const id of receiver.accepted.keys()) if (!known.has(id)) wrong.push(`a webhook of no event: ${id}`)
  if (receiver.refused.forged > 0) wrong.push(`${receiver.refused.forged} webhooks did not verify`)
  let notices = 0
  for (const { people, assigned } of organizations) {
    for (const person of people) {
      const got: string[] = []
      for (let cursor = ""; ; ) {
        const { body } = await calls.call(person, `GET /v1/inbox?limit=100${cursor}`)
        got.push(...body.items.map((one: { data: { id: string } }) => one.data.id))
        if (body.nextCursor === null) break
        cursor = `&cursor=${body.nextCursor}`
      }
      notices += got.length
      const wanted = assigned.get(person.id) ?? []
      if (JSON.stringify([...got].sort()) !== JSON.stringify([...wanted].sort()))
        wrong.push(`${person.id}: ${got.length} notifications of ${wanted.length}`)
    }
  }
  const again = [...receiver.accepted.values()].reduce((sum, times) => sum + times - 1, 0)
  return { wrong, webhooks: hooked.length, again, notices }
}

function watchersOf(organizations: readonly Organization[], count: number, origin: () => Promise<string>): Watcher[] {
  const each = Math.ceil(count / organizations.length)
  return organizations
    .flatMap(({ id, people }) =>
      people.slice(0, each).map(({ id: user, token }) => new Watcher({ user, organization: id, token }, origin)),
    )
    .slice(0, count)
}

function table(rows: readonly (readonly [string, string | number])[]): string {
  return ["| figure | measured |", "|---|---:|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n")
}

await run(async () => {
  const [count, changes, kills] = [Number(options.clients), Number(options.changes), Number(options.kills)]
  const folder = mkdtempSync(join(tmpdir(), "selvage-chaos-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  const keys = await freshKeys()
  const each = Math.ceil(count / organizationsCount)
  const { people, actors } = await makeActors(organizationsCount * (each + 1), keys)
  const bundle = buildBundle(join(folder, "bundle"), hastyMain)
  const settings = { folder: join(folder, "state"), bundle, variables: keys.variables, people }
  const installation = new Installation(() => startServer(settings))
  const calls = callsTo(installation.origin)
  const receiver = await startReceiver(refuseOneIn)
  const organizations = await setUp(calls, actors as Actor[], organizationsCount, receiver)
  const watchers = watchersOf(organizations, count, installation.origin)
  const running = watchers.map((watcher) => watcher.run())
  while (watchers.some(({ cursor }) => cursor === null)) await pause(100)
  if (options.drop) watchers[0]?.swallowNext()

  const begun = performance.now()
  const cutting = setInterval(() => watchers[Math.floor(Math.random() * watchers.length)]?.cut(), 150)
  let made = 0
  const writing = Promise.all(
    organizations.map((one) => writeUntil(calls, one, (events) => (made += events) < changes)),
  )
  for (let n = 1; n <= kills; n++) {
    while (made < (changes * n) / (kills + 1)) await pause(50)
    await installation.killAndRestart()
  }
  await writing
  clearInterval(cutting)
  const lasted = (performance.now() - begun) / 1000
  const settled = await settle(installation, watchers)
  const inboxes = await (async () => {
    const truth = openTruth(settings.folder)
    try {
      return {
        ...faultsOf(watchers, truth),
        ...(await faultsOfOthers(truth, receiver, organizations, calls)),
        changed: truth.changes(),
      }
    } finally {
      truth.close()
    }
  })()
  for (const watcher of watchers) watcher.stop()
  await Promise.all(running)
  await installation.stop()
  receiver.stop()
  const sum = (key: keyof Watcher["counts"]) => watchers.reduce((total, { counts }) => total + counts[key], 0)
  console.log(
    table([
      ["live clients", watchers.length],
      ["changes of tasks in the log", inboxes.changed],
      ["seconds under load; until all was told", `${lasted.toFixed(0)}; ${settled.toFixed(0)}`],
      [
        "kill -9 of the runtime; seconds until it answered again",
        `${kills}; ${installation.restartMs.map((ms) => (ms / 1000).toFixed(1)).join(", ")}`,
      ],
      [
        "sockets cut; connections; resumed by cursor; listed anew",
        `${sum("cuts")}; ${sum("connections")}; ${sum("resumes")}; ${sum("resets")}`,
      ],
      ["deliveries: changed; removed", `${sum("changed")}; ${sum("removed")}`],
      ["calls of writers; unanswered and repeated", `${calls.counts.calls}; ${calls.counts.unanswered}`],
      ["**clients whose set differs from the SELECT**", `**${inboxes.differing.length}** of ${watchers.length}`],
      ["**events lost**", `**${inboxes.lost.length}**`],
      ["**events told twice**", `**${inboxes.twice.length}**`],
      ["notifications in inboxes, each once", inboxes.notices],
      [
        "webhooks owed; accepted again, known by their id; refused with 503 on purpose",
        `${inboxes.webhooks}; ${inboxes.again}; ${receiver.refused.count}`,
      ],
    ]),
  )
  const wrong = [
    ...watchers.flatMap(({ complaints }) => complaints),
    ...inboxes.differing,
    ...inboxes.lost,
    ...inboxes.twice,
    ...inboxes.wrong,
  ]
  if (wrong.length > 0) throw new Stop(`\n${wrong.slice(0, 20).join("\n")}`)
})
