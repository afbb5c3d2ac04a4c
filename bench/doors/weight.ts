/** What the doors that are loaded late weigh: in what is uploaded, in the start of an isolate, and in their first call. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { cost, settle } from "../cost.ts"
import { quantile } from "../load.ts"
import type { Server } from "../server.ts"
import { wrangler } from "../workspace.ts"
import { type HttpDoor, httpDoors } from "./calls.ts"

const late = ["GRAPHQL", "GRPC", "MCP", "SOAP"] as const
/** Each late door as it is called, in the order of `late`. */
const calledAs = ["graphql", "connect-json", "mcp", "soap"] as const

/** KiB. */
export interface Size {
  readonly raw: number
  readonly gzip: number
}

/** The size of what would be uploaded. */
export function sizeOf(bundle: string): Size {
  const sources = bundleModules(bundle).map(({ path }) => readFileSync(path))
  const sum = (sizes: readonly number[]) => sizes.reduce((all, one) => all + one, 0) / 1024
  return {
    raw: sum(sources.map(({ length }) => length)),
    gzip: sum(sources.map((source) => gzipSync(source, { level: 9 }).length)),
  }
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

/** Milliseconds in which the isolate was not idle while it started. */
export function startupMilliseconds(folder: string, ...options: readonly string[]): number {
  const path = join(folder, "startup.cpuprofile")
  // The command takes no options for the build but through --args.
  wrangler("check", "startup", `--args=${["--minify", ...options].join(" ")}`, "--outfile", path)
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, "utf8")) as CpuProfile
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]))
  const isActive = (name: string | undefined) => name !== "(idle)" && name !== "(root)"
  return samples.reduce((sum, id, n) => sum + (isActive(names.get(id)) ? (timeDeltas[n] ?? 0) : 0), 0) / 1000
}

const median = (values: readonly number[]) => quantile(values, 0.5)

/** One line of the table of what is left out. */
export interface Weight {
  readonly without: string
  readonly gzip: number
  /** Of each start, milliseconds. */
  readonly startups: readonly number[]
}

/** The Worker as it is, without each of the late doors, and without all of them. The starts take turns, so that a slow minute hits all alike. */
export function weights(folder: string, runs: number): readonly Weight[] {
  const variants = [[], ...late.map((one) => [one]), [...late]].map((left) => ({
    without: left.length === 0 ? "nothing" : left.length === 1 ? String(left[0]) : "all four",
    options: left.flatMap((one) => ["--define", `WITHOUT_${one}:true`]),
    startups: [] as number[],
  }))
  for (let n = 0; n < runs; n++)
    for (const { options, startups } of variants) startups.push(startupMilliseconds(folder, ...options))
  return variants.map(({ without, options, startups }, n) => {
    const own = join(folder, `without-${n}`)
    mkdirSync(own)
    return { without, startups, gzip: sizeOf(buildBundle(own, "--minify", ...options)).gzip }
  })
}

/** CPU of the first and of a later call through a door, milliseconds. */
export interface FirstUse {
  readonly door: string
  readonly first: number
  readonly later: number
}

async function useOf(server: Server, door: HttpDoor, id: string, token: string) {
  const call = door.call("read", { id })
  const common = { authorization: `Bearer ${token}`, accept: "application/json", "cf-connecting-ip": "203.0.113.7" }
  const made = () => cost(server, { ...call, headers: { ...common, ...call.headers } })
  const first = await made()
  const later: number[] = []
  for (let n = 0; n < 10; n++) later.push(await made())
  return { first, later: median(later) }
}

/**
 * The first use of each late door in an isolate that has served REST before.
 * @param start starts a server of a fresh isolate
 */
export async function firstUses(
  start: () => Promise<Server>,
  id: string,
  token: string,
  runs: number,
): Promise<readonly FirstUse[]> {
  const found: FirstUse[] = []
  for (const name of calledAs) {
    const seen: { first: number; later: number }[] = []
    for (let n = 0; n < runs; n++) {
      const server = await start()
      try {
        await settle(server)
        const [rest, ...others] = httpDoors()
        await useOf(server, rest as HttpDoor, id, token)
        seen.push(await useOf(server, others.find((one) => one.name === name) as HttpDoor, id, token))
      } finally {
        await server.stop()
      }
    }
    found.push({ door: name, first: median(seen.map((one) => one.first)), later: median(seen.map((one) => one.later)) })
  }
  return found
}
