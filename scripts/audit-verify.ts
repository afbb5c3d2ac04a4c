/**
 * `npm run audit:verify`: proves that nothing of the sealed log was edited or removed, for the local database. `-- --remote` does it for the
 * deployed one, with KEK in the environment. `--head LAST:HASH` also asks for an end of the chain that was noted down before. Exit code 1: a fault.
 */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { parseKeyRing } from "../src/core/sealing.ts"
import { unpack } from "../src/log/archive.ts"
import { type LogSource, type Verdict, verifyLog } from "../src/log/verify.ts"
import { readLocal } from "./database.ts"
import { localSecret, project, run, Stop, wranglerPath } from "./local.ts"

/** What wrangler answers on stdout; `null` when it failed and that is no fault by itself. */
function wrangler(options: readonly string[]): Buffer | null {
  const { status, stdout } = spawnSync(process.execPath, [wranglerPath(), ...options], {
    cwd: project,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  })
  return status === 0 ? stdout : null
}

function bucketName(): string {
  const text = readFileSync(join(project, "wrangler.toml"), "utf8")
  const blocks = text.split(/^\[/m).filter((block) => block.startsWith("[r2_buckets]]"))
  const own = blocks.find((block) => /^binding\s*=\s*"ARCHIVE"/m.test(block))
  const name = own && /^bucket_name\s*=\s*"([^"]+)"/m.exec(own)?.[1]
  if (!name) throw new Stop("Segments were archived, and wrangler.toml binds no bucket as ARCHIVE")
  return name
}

async function archived(name: string, where: string): Promise<string | null> {
  const packed = wrangler(["r2", "object", "get", `${bucketName()}/${name}`, where, "--pipe"])
  if (packed === null) return null
  try {
    return await unpack(new Blob([new Uint8Array(packed)]).stream())
  } catch {
    return "What stands there is no archive"
  }
}

const local: LogSource = {
  all: async (sql) => {
    const rows = readLocal("log_segments", (database) => database.prepare(sql).all())
    if (rows === null) throw new Stop("There is no local database with a log: run `npm start` once.")
    return rows
  },
  archived: (name) => archived(name, "--local"),
}

const remote: LogSource = {
  all: async (sql) => {
    const answer = wrangler(["d1", "execute", "DB", "--remote", "--yes", "--json", "--command", sql])
    if (answer === null) throw new Stop("The database could not be read. wrangler says above why.")
    const [first] = JSON.parse(answer.toString("utf8")) as { results: Record<string, unknown>[] }[]
    return first?.results ?? []
  },
  archived: (name) => archived(name, "--remote"),
}

function headOf(text: string | undefined): Verdict["head"] {
  if (text === undefined) return null
  const [, last, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? []
  if (last === undefined || hash === undefined) throw new Stop("--head takes LAST:HASH, as this command prints it")
  return { last: Number(last), hash }
}

/** The command. */
export async function verifyAudit(): Promise<void> {
  const { values } = parseArgs({
    options: { remote: { type: "boolean" }, head: { type: "string" }, project: { type: "string" } },
  })
  const kek = values.remote ? process.env.KEK : localSecret("KEK")
  if (!kek)
    throw new Stop("KEK is not set: the key ring that the deployed Worker has, in the environment of this command")
  const expected = headOf(values.head)
  const verdict = await verifyLog(values.remote ? remote : local, parseKeyRing(kek), expected)
  const { segments, events, archived: away, unsealed, head, fault } = verdict
  console.log(`${segments} segments with ${events} events hold; ${away} of them are in the archive.`)
  if (fault !== null) throw new Stop(`FAULT at segment ${fault.segment}: ${fault.text}.`)
  console.log(`${unsealed} events are not sealed yet: nothing is proven of them.`)
  if (head !== null)
    console.log(
      `Note down the end of the chain, to show later that nothing was cut off:\n--head ${head.last}:${head.hash}`,
    )
}

if (import.meta.main) await run(verifyAudit)
