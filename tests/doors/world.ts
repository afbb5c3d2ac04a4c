/** The built Worker in workerd on a free port, with the demo data: started once for all suites of this folder. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import type { TestProject } from "vitest/node"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root, wranglerSetting } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { seed } from "../../scripts/seed.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** `http://127.0.0.1:port`. */
    readonly origin: string
    /** Access tokens of the people of the demo data. */
    readonly tokens: { readonly ada: string; readonly nobody: string }
    /** A project that Ada administers. */
    readonly projectId: string
  }
}

async function start(folder: string) {
  const bundle = buildBundle(folder)
  const { privateKey, publicKey } = await generateKeyPair("EdDSA")
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const pepper = freshRing()
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "development",
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "doors", alg: "EdDSA" }] }),
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: pepper,
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const worker = {
    ...workerOptions,
    name: "selvage",
    bindings,
    modules: [...bundleModules(bundle)],
    modulesRoot: folder,
  }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: "127.0.0.1", port: 0, cf: false, workers: [worker] }),
  )
  const origin = (await miniflare.ready).origin
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  await seed(database, pepper, () => undefined)
  const one = async (sql: string) => (await database.prepare(sql).first<string>("id")) ?? ""
  const tokenOf = (subject: string) =>
    new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "doors" })
      .setIssuer(wranglerSetting("TOKEN_ISSUER"))
      .setAudience(wranglerSetting("TOKEN_AUDIENCE"))
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime("10 minutes")
      .sign(privateKey)
  const ada = await one(`select "id" from "users" where "email" = 'ada@example.com'`)
  const project = await one(
    `select "projectId" as "id" from "project_members" where "userId" = '${ada}' and "role" = 'admin'`,
  )
  return {
    miniflare,
    origin,
    ada: await tokenOf(ada),
    nobody: await tokenOf("user_00000000000000000000000000"),
    project,
  }
}

/** Starts it; vitest calls this before the first suite, and what it gives back after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "selvage-doors-"))
  const world = await start(folder)
  project.provide("origin", world.origin)
  project.provide("tokens", { ada: world.ada, nobody: world.nobody })
  project.provide("projectId", world.project)
  return async () => {
    await world.miniflare.dispose()
    rmSync(folder, { recursive: true })
  }
}
