/**
 * Where the time of a call goes: a CPU profile of the isolate under load, as self time by file and by function. The bundle is built without
 * minification for it, so that names and files can be told, and log lines are made but not written: an inspector makes writing them dear.
 */
import { readFileSync, writeFileSync } from "node:fs"
import type { Case } from "./cases.ts"
import { prepareDataset } from "./dataset.ts"
import { load } from "./load.ts"
import { addressOf, cpuMicroseconds, startServer, workerName } from "./server.ts"
import { type Access, buildWorker } from "./workspace.ts"

interface Node {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

interface Profile {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

/** Microseconds between samples. */
const interval = 200
const connections = 8

/** A session of the DevTools protocol with the Worker's isolate, found among those that the inspector at `address` lists. */
async function connect(address: string) {
  const listed = (await (await fetch(new URL("/json", address.replace("ws:", "http:")))).json()) as {
    id: string
    webSocketDebuggerUrl: string
  }[]
  const target = listed.find(({ id }) => id.endsWith(`:${workerName}`))
  if (!target) throw new Error(`The inspector lists ${listed.map(({ id }) => id).join(", ")}`)
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  const waiting = new Map<number, (result: unknown) => void>()
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data))
    waiting.get(id)?.(result)
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve)
    socket.addEventListener("error", () => reject(new Error(`No inspector at ${target.webSocketDebuggerUrl}`)))
  })
  let last = 0
  return {
    send<T>(method: string, params: object = {}): Promise<T> {
      last += 1
      socket.send(JSON.stringify({ id: last, method, params }))
      return new Promise((resolve) => waiting.set(last, resolve as (result: unknown) => void))
    },
    close: () => socket.close(),
  }
}

/** esbuild writes `// path` before each module: for every line of a bundle, the file that it came from. */
function filesOf(bundle: string): string[] {
  let file = "(bundle)"
  return readFileSync(bundle, "utf8")
    .split("\n")
    .map((line) => {
      const found = /^\s*\/\/ (\S+\.(?:ts|js|mjs|cjs))$/.exec(line)
      if (found)
        file = (found[1] as string).replace(/^(?:\.\.\/)*(?:.*node_modules\/)?/, (before) =>
          before.includes("node_modules") ? "npm:" : "",
        )
      return file
    })
}

function fileOf({ callFrame }: Node, files: readonly string[]): string {
  if (callFrame.functionName.startsWith("(")) return callFrame.functionName
  if (callFrame.url === "") return "(runtime)"
  if (callFrame.url.includes("cloudflare-internal") || callFrame.url.startsWith("node:")) return callFrame.url
  return files[callFrame.lineNumber] ?? callFrame.url
}

function sums(rows: Iterable<readonly [string, number]>): [string, number][] {
  const totals = new Map<string, number>()
  for (const [name, time] of rows) totals.set(name, (totals.get(name) ?? 0) + time)
  return [...totals].sort((a, b) => b[1] - a[1])
}

/** @param cpu CPU of the process a request, microseconds: what the shares of the samples are shares of */
function report(one: Case, profile: Profile, files: readonly string[], cpu: number): string {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const spent = profile.samples
    .map((id, n) => [nodes.get(id) as Node, profile.timeDeltas[n] ?? 0] as const)
    .filter(([node]) => node.callFrame.functionName !== "(idle)")
  const total = spent.reduce((sum, [, time]) => sum + time, 0)
  const lines = (rows: [string, number][], count: number) =>
    rows
      .slice(0, count)
      .map(
        ([name, time]) => `| ${name} | ${((cpu * time) / total).toFixed(1)} | ${((100 * time) / total).toFixed(1)} % |`,
      )
  const head = (name: string) => ["", `| ${name} | µs a request | share |`, "|---|---:|---:|"]
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const name = (node: Node): string => {
    const own = node.callFrame.functionName || "(anonymous)"
    if (node.callFrame.url !== "") return `${own} · ${fileOf(node, files)}:${node.callFrame.lineNumber + 1}`
    // The platform's functions say little by themselves; who called them does.
    const caller = parents.get(node.id)
    const isPlatform = !own.startsWith("(") || own === "(anonymous)"
    return isPlatform && caller && caller.callFrame.functionName !== "(root)" ? `${own} ← ${name(caller)}` : own
  }
  return [
    `Self time of \`${one.name}\` in the isolate, as shares of ${cpu.toFixed(0)} µs of CPU a request over ${connections} connections.`,
    "(program) is native code: HTTP, the event loop, I/O. (runtime) is the platform's interfaces. Line numbers are those of the bundle",
    "that is not minified. Samples go by the clock, so they are to be taken on a quiet machine.",
    ...head("file"),
    ...lines(sums(spent.map(([node, time]) => [fileOf(node, files), time])), 40),
    ...head("function"),
    ...lines(sums(spent.map(([node, time]) => [name(node), time])), 50),
  ].join("\n")
}

/** Profiles a case. Gives two tables in Markdown. */
export async function profile(
  one: Case,
  { variables, token }: Access,
  folder: string,
  requests: number,
): Promise<string> {
  const bundle = buildWorker(folder, { minify: false })
  writeFileSync(bundle, readFileSync(bundle, "utf8").replaceAll("console.log(", "void ("))
  const storage = await startServer({ kind: "storage", folder: await prepareDataset(folder, one.tasks) })
  const running = [storage]
  try {
    const worker = await startServer({
      kind: "worker",
      modules: [bundle],
      storage: addressOf(storage),
      whole: true,
      variables,
      inspect: true,
    })
    running.unshift(worker)
    const options = { url: worker.url, calls: one.calls(token), connections }
    await load({ ...options, requests: 3000 })
    // What a request costs is measured before the profiler slows it down.
    const before = cpuMicroseconds(worker.pid)
    await load({ ...options, requests })
    const cpu = (cpuMicroseconds(worker.pid) - before) / requests
    const inspector = await connect(worker.inspector as string)
    await inspector.send("Profiler.enable")
    await inspector.send("Profiler.setSamplingInterval", { interval })
    await inspector.send("Profiler.start")
    await load({ ...options, requests })
    const taken = await inspector.send<{ profile: Profile }>("Profiler.stop")
    inspector.close()
    return report(one, taken.profile, filesOf(bundle), cpu)
  } finally {
    for (const server of running) await server.stop()
  }
}
