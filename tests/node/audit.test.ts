/** `npm run audit:verify` as it is typed: over a local database on disk, which somebody then opens with another program. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { afterAll, beforeAll, expect, test } from "vitest"
import { migrationNames, migrationStatements } from "../../scripts/database.ts"
import { root, wranglerSetting } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { pruneLog } from "../../src/log/archive.ts"
import { sealLog } from "../../src/log/seal.ts"

const folder = mkdtempSync(join(tmpdir(), "selvage-audit-"))
const kek = freshRing()

function verify(...options: string[]) {
  const script = join(root, "scripts/audit-verify.ts")
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", script, "--project", folder, ...options],
    { encoding: "utf8", env: { ...process.env, KEK: "" } },
  )
  return { status, text: stdout + stderr }
}

/** Opens the file as any program could. */
function tamper(...statements: string[]): void {
  const state = join(folder, ".wrangler/state/v3/d1/miniflare-D1DatabaseObject")
  const name = readdirSync(state).find((one) => one.endsWith(".sqlite") && one !== "metadata.sqlite") ?? ""
  const database = new DatabaseSync(join(state, name))
  for (const sql of statements) database.exec(sql)
  database.close()
}

beforeAll(async () => {
  // The bucket's lines stand there, marked as a comment.
  const settings = readFileSync(join(root, "wrangler.toml"), "utf8")
  writeFileSync(
    join(folder, "wrangler.toml"),
    settings.replace(/^# (\[\[r2_buckets\]\]|binding = "ARCHIVE"|bucket_name = )/gm, "$1"),
  )
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  writeFileSync(join(folder, ".dev.vars"), `KEK='${kek}'\n`)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "export default {}",
      cf: false,
      resourcePersistencePath: join(folder, ".wrangler/state/v3"),
      d1Databases: { DB: wranglerSetting("database_id") },
      r2Buckets: { ARCHIVE: "selvage-log" },
    }),
  )
  try {
    const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
    const statements = migrationNames().flatMap(migrationStatements)
    await database.batch(statements.map((sql) => database.prepare(sql)))
    const insert =
      'insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId") ' +
      "select 'event_' || \"value\", ?, 'user_a', 'tasks.create', 'tasks', 'task_ä', 'created', '[]', 'r' from json_each(?)"
    for (const [at, ids] of [
      ["2025-12-01", [1, 2]],
      ["2026-01-01", [3, 4, 5]],
      ["2026-01-01", [6, 7]],
    ] as const) {
      await database.prepare(insert).bind(`${at}T00:00:00.000Z`, JSON.stringify(ids)).run()
      await sealLog({ database, ring: parseKeyRing(kek) }, new Date("2026-01-02T00:00:00.000Z"))
    }
    await database.prepare(insert).bind("2026-01-02T00:00:00.000Z", "[8]").run()
    const archive = (await miniflare.getR2Bucket("ARCHIVE")) as unknown as R2Bucket
    await pruneLog({ database, ring: parseKeyRing(kek), days: 7, archive }, new Date("2026-01-02T00:00:00.000Z"))
  } finally {
    await miniflare.dispose()
  }
}, 60_000)
afterAll(() => {
  rmSync(folder, { recursive: true })
})

test("a whole log: what there is, what is not sealed yet, and the end of the chain; later that end is asked for", () => {
  const { status, text } = verify()
  expect(text).toContain("3 segments with 7 events hold; 1 of them are in the archive.")
  expect(text).toContain("1 events are not sealed yet")
  const head = /--head (7:[0-9a-f]{64})/.exec(text)?.[1] ?? ""
  expect([status, verify("--head", head).status]).toEqual([0, 0])
  const other = verify("--head", `7:${"0".repeat(64)}`)
  expect([other.status, other.text]).toEqual([1, expect.stringContaining("cut off")])
  expect(verify("--head", "yesterday")).toMatchObject({ status: 1, text: expect.stringContaining("LAST:HASH") })
})

test("for the deployed database it asks for KEK before it asks for anything else", () => {
  expect(verify("--remote")).toMatchObject({ status: 1, text: expect.stringContaining("KEK is not set") })
})

test("one letter of one event, and the segment is named", () => {
  tamper(`drop trigger "events_no_update"`, `update "events" set "actor" = 'user_b' where "sequence" = 4`)
  const { status, text } = verify()
  expect([status, text]).toEqual([
    1,
    expect.stringContaining("FAULT at segment 3-5: Its events are not those that were sealed"),
  ])
  tamper(`update "events" set "actor" = 'user_a' where "sequence" = 4`)
  expect(verify().status).toBe(0)
})
