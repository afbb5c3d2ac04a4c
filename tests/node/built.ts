/** The bundle as it would be uploaded, in production's mode and in a runtime without Node's modules, over HTTP. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { seed } from "../../scripts/seed.ts"

/** A Worker that answers, with the people of the demo in its database. */
export interface Built {
  /** Path of the bundle. */
  readonly bundle: string
  readonly origin: URL
  readonly database: D1Database
  /** Where the simulation of the mail binding writes letters down. */
  readonly letters: string
  /** By address. */
  readonly passwords: ReadonlyMap<string, string>
  stop(): Promise<void>
}

/** A port that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
}

/**
 * Builds and starts.
 * @param change variables beside those that production needs, made of the origin
 * @param options of the build
 */
export async function startBuilt(
  change: (origin: string) => Record<string, string>,
  ...options: readonly string[]
): Promise<Built> {
  const folder = mkdtempSync(join(tmpdir(), "selvage-built-"))
  const letters = join(folder, "letters")
  const bundle = buildBundle(folder, ...options)
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const pepper = freshRing()
  const port = await freePort()
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ENVIRONMENT: "production",
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: pepper,
    KEK: freshRing(),
    REFRESH: freshRing(),
    MAIL_FROM: "no-reply@selvage.test",
    ...change(`http://127.0.0.1:${port}`),
  }
  const modules = [...bundleModules(bundle)]
  const worker = { ...workerOptions, name: "selvage", bindings, modules, modulesRoot: folder }
  const common = { host: "127.0.0.1", port, cf: false, resourceTmpPath: letters }
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...common, workers: [worker] }))
  const origin = await miniflare.ready
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  let passwords: ReadonlyMap<string, string> = new Map()
  await seed(database, pepper, (made) => {
    passwords = made
  })
  return {
    bundle,
    origin,
    database,
    letters,
    passwords,
    async stop() {
      await miniflare.dispose()
      rmSync(folder, { recursive: true })
    },
  }
}
