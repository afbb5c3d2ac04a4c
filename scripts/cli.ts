#!/usr/bin/env node
/**
 * `selvage COMMAND`: the commands of this repository for a project that has Selvage as a package. The project is the folder that the command
 * is started in. Refuses a folder that is no project, and a Node that cannot read the project's TypeScript.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"

type Command = () => Promise<void> | void

/** Each is loaded when it is called: most of them read the project's declarations. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import("./start.ts")).start,
  reset: async () => (await import("./reset.ts")).reset,
  migrate: async () => (await import("./migrate.ts")).migrate,
  "migrate:new": async () => (await import("./migrate-new.ts")).migrateNew,
  "migrate:check": async () => (await import("./check-migrations.ts")).checkMigrations,
  artefacts: async () => (await import("./artefacts.ts")).artefacts,
  "check:breaking": async () => (await import("./check-breaking.ts")).checkBreaking,
  "release:baseline": async () => (await import("./check-breaking.ts")).releaseBaseline,
  client: async () => (await import("./client.ts")).writeClients,
  password: async () => (await import("./demo.ts")).tellPassword,
  ring: async () => (await import("./ring.ts")).printRing,
  totp: async () => (await import("./totp.ts")).tellCode,
  "admin:invite": async () => (await import("./admin-invite.ts")).inviteAdministrator,
  "audit:verify": async () => (await import("./audit-verify.ts")).verifyAudit,
  "grpc:bridge": async () => (await import("./grpc-bridge.ts")).bridgeGrpc,
  "keys:rotate": async () => (await import("./keys-rotate.ts")).rotateKeys,
}

const [node, script, name = "", ...rest] = process.argv
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
const folder = process.cwd()

if (!command) {
  console.error(`selvage COMMAND: ${Object.keys(commands).join(", ")}`)
  process.exitCode = 1
} else if (!process.features.typescript) {
  console.error(
    `This is Node ${process.versions.node}, which reads no TypeScript. Node 24 does: npm install -D node@24`,
  )
  process.exitCode = 1
} else if (!existsSync(join(folder, "wrangler.toml"))) {
  console.error(`${folder} is no project: it has no wrangler.toml. Go to the one that has.`)
  process.exitCode = 1
} else {
  // What the scripts read is what they would see in this repository, with the project said aloud.
  process.argv = [String(node), String(script), ...rest, "--project", folder]
  const { run } = await import("./local.ts")
  await run(await command())
}
