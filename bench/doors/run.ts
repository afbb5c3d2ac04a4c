/**
 * `npm run bench:doors`: the same read and the same write through each door, and by handlers written by hand, under the same load in turn, in one run.
 * What is counted is what `npm run bench` counts; README.md of the folder above says what.
 */
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { type Call, type Case, cases, projects, visibleTasks } from "../cases.ts"
import { principal, sizes } from "../contents.ts"
import { prepareDataset } from "../dataset.ts"
import { load, quantile } from "../load.ts"
import { capture, startTraced } from "../plan.ts"
import { keepSection } from "../results.ts"
import { addressOf, cpuMicroseconds, type Server, startServer } from "../server.ts"
import { buildBare, buildWorker, grantAccess, temporaryFolder } from "../workspace.ts"
import { type Act, binaryDoors, type HttpDoor, httpDoors, type Input } from "./calls.ts"
import { openSockets } from "./socket.ts"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    rounds: { type: "string" },
    requests: { type: "string" },
  },
})
const rounds = Number(options.rounds ?? (options.quick ? 5 : 9))
/** At most 1,600: what the sockets take at once. */
const requests = Number(options.requests ?? (options.quick ? 320 : 800))
const connections = 32
const acts: readonly Act[] = ["read", "write"]

/** One way to make the call: gives the CPU that a request cost the server's process, microseconds. */
interface Way {
  readonly title: string
  round(act: Act, requests: number): Promise<number>
}

const inputs: Readonly<Record<Act, readonly Input[]>> = {
  read: visibleTasks(64, sizes.small).map((id) => ({ id })),
  write: projects(sizes.small)
    .slice(0, 6)
    .map((projectId) => ({ projectId, title: "Written by the bench, as any other task" })),
}

async function counted(server: Server, amount: number, send: () => Promise<unknown>): Promise<number> {
  const before = cpuMicroseconds(server.pid)
  await send()
  return (cpuMicroseconds(server.pid) - before) / amount
}

function callsOf(door: HttpDoor, act: Act, token: string): Call[] {
  const common = { authorization: `Bearer ${token}`, accept: "application/json", "cf-connecting-ip": "203.0.113.7" }
  return inputs[act].map((input) => {
    const { headers, ...rest } = door.call(act, input)
    return { ...rest, headers: { ...common, ...headers }, values: input }
  })
}

/** A door whose answer does not hold the record has not done the work. */
async function prove(server: Server, door: HttpDoor, act: Act, call: Call): Promise<void> {
  const { method, path, headers, body } = call
  const answer = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await answer.text()
  const expected = act === "read" ? call.values.id : call.values.title
  if (!answer.ok || !text.includes(expected ?? "")) throw new Error(`${door.name} answered ${answer.status}: ${text}`)
}

async function overHttp(server: Server, door: HttpDoor, title: string, token: string): Promise<Way> {
  const calls = { read: callsOf(door, "read", token), write: callsOf(door, "write", token) }
  for (const act of acts) await prove(server, door, act, calls[act][0] as Call)
  return {
    title,
    round: (act, amount) =>
      counted(server, amount, () => load({ url: server.url, calls: calls[act], connections, requests: amount })),
  }
}

function overSocket(server: Server, token: string): Way {
  return {
    title: "WebSocket, JSON-RPC",
    async round(act, amount) {
      const sockets = await openSockets(server.url, token)
      try {
        return await counted(server, amount, () => sockets.run(act, inputs[act], amount))
      } finally {
        sockets.close()
      }
    },
  }
}

/** Rounds of every way in turn, each round beginning with another; gives the CPU of each round by way. */
async function measured(ways: readonly Way[], act: Act): Promise<readonly (readonly number[])[]> {
  const cpu = ways.map((): number[] => [])
  for (const way of ways) for (let n = 0; n < 2; n++) await way.round(act, requests)
  for (let n = 0; n < rounds; n++) {
    for (let m = 0; m < ways.length; m++) {
      const at = (n + m) % ways.length
      cpu[at]?.push(await (ways[at] as Way).round(act, requests))
    }
    console.error(`${act}: round ${n + 1} of ${rounds}`)
  }
  return cpu
}

const median = (values: readonly number[]) => quantile(values, 0.5)

function cells(values: readonly number[], bare: readonly number[]): string[] {
  const single = values.map((value, n) => value / (bare[n] as number))
  const range = `[${Math.min(...single).toFixed(2)}, ${Math.max(...single).toFixed(2)}]`
  return [median(values).toFixed(0), `**${(median(values) / median(bare)).toFixed(2)}** ${range}`]
}

function tableOf(ways: readonly Way[], cpu: Readonly<Record<Act, readonly (readonly number[])[]>>): string {
  const rows = ways.map(({ title }, n) => {
    const figures = acts.flatMap((act) => cells(cpu[act][n] as number[], cpu[act][0] as number[]))
    return `| ${[title, ...figures].join(" | ")} |`
  })
  const head = [
    "| door | read, CPU µs | by hand = 1 [rounds] | write, CPU µs | by hand = 1 [rounds] |",
    "|---|---:|---:|---:|---:|",
  ]
  return [...head, ...rows].join("\n")
}

async function waysOf(folder: string, running: Server[]): Promise<readonly Way[]> {
  const start = async (starting: Promise<Server>): Promise<Server> => {
    const server = await starting
    running.unshift(server)
    return server
  }
  const { variables, token } = await grantAccess(principal)
  const bundle = buildWorker(folder)
  const storage = await start(
    startServer({ kind: "storage", folder: await prepareDataset(join(folder, "data"), sizes.small) }),
  )
  const common = { kind: "worker", storage: addressOf(storage) } as const
  const traced = await startTraced({ folder: dirname(bundle), bundle, storage: addressOf(storage), variables })
  const known = ["get", "create"].map((name) => cases.find((one) => one.name === name) as Case)
  const plan = await capture(traced, known, token).finally(() => traced.stop())
  const planned = { ...variables, PLAN: plan, COLLECTION: "/v1/tasks" }
  const bare = await start(startServer({ ...common, modules: [buildBare(folder)], whole: false, variables: planned }))
  const selvage = await start(startServer({ ...common, modules: [bundle], whole: true, variables }))
  const doors = [...httpDoors(), ...(await binaryDoors(selvage.url))]
  const ways = [await overHttp(bare, doors[0] as HttpDoor, "by hand, no door", token)]
  for (const door of doors) ways.push(await overHttp(selvage, door, door.title, token))
  return [...ways, overSocket(selvage, token)]
}

const running: Server[] = []
try {
  const ways = await waysOf(temporaryFolder(), running)
  const table = tableOf(ways, { read: await measured(ways, "read"), write: await measured(ways, "write") })
  console.log(table)
  const effort = `${rounds} rounds of ${requests} requests a door at ${connections} connections, after two to warm up`
  if (options.save)
    keepSection(
      "The same call through each door",
      `Written by \`npm run bench:doors -- --save\`: ${effort}.\n\n${table}`,
    )
} finally {
  for (const server of running) await server.stop()
}
