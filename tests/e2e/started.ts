/** The built Worker on Miniflare, with the real provider and the recorded ones beside it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle, bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root } from "../../scripts/local.ts"
import { freshRing } from "../../scripts/ring.ts"
import { acmeClient, type People, startProvider } from "./identity-provider.ts"
import { recordedClient, startRecorded, type Tellings } from "./recorded-provider.ts"
import { freePort } from "./sockets.ts"

/** What a test works with. */
export interface Started {
  /** Of the application. */
  readonly origin: string
  /** Of the real provider. */
  readonly issuer: string
  readonly people: People
  readonly tellings: Tellings
  readonly database: D1Database
  /** Lines of the Worker's log that tell of refusals: provider and fault. */
  refusals(): readonly string[]
  stop(): Promise<void>
}

/** The secrets of every provider that index.ts declares. */
function secrets(): Record<string, string> {
  const given = new Map([["ACME", acmeClient]])
  const names = ["ACME", "GITHUB", "FACEBOOK", "X", "LINKEDIN", "GOOGLE"]
  return Object.fromEntries(
    names.flatMap((name) => {
      const { id, secret } = given.get(name) ?? recordedClient
      return [
        [`${name}_CLIENT_ID`, id],
        [`${name}_CLIENT_SECRET`, secret],
      ]
    }),
  )
}

/** Starts all of it. */
export async function start(): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "selvage-e2e-"))
  const people: People = new Map()
  const tellings: Tellings = new Map()
  // Providers are told where to send people back to before there is anything.
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const provider = await startProvider(people, origin)
  const others = await startRecorded(tellings)
  const define = (name: string, value: string) => ["--define", `${name}:${JSON.stringify(value)}`]
  const bundle = buildBundle(
    folder,
    "tests/e2e/index.ts",
    ...define("IDENTITY_PROVIDER", provider.origin),
    ...define("RECORDED", others.origin),
  )
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const bindings = {
    ...(workerOptions.bindings as Record<string, string>),
    ...secrets(),
    ENVIRONMENT: "development",
    OUTBOUND_PRIVATE: "allow",
    PUBLIC_URL: origin,
    CURSOR_SECRET: "c".repeat(43),
    PEPPER: freshRing(),
    KEK: freshRing(),
    REFRESH: freshRing(),
  }
  const logged: string[] = []
  const worker = {
    ...workerOptions,
    name: "selvage",
    bindings,
    modules: [...bundleModules(bundle)],
    modulesRoot: folder,
  }
  const quiet = { handleStructuredLogs: ({ message }: { message: string }) => void logged.push(message) }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: "127.0.0.1", port, cf: false, ...quiet, workers: [worker] } as never),
  )
  await miniflare.ready
  const database = (await miniflare.getD1Database("DB")) as unknown as D1Database
  await applyMigrations(database)
  return {
    origin,
    issuer: provider.origin,
    people,
    tellings,
    database,
    refusals: () =>
      logged.flatMap((line) => {
        const told = line.startsWith("{") ? JSON.parse(line) : {}
        return told.kind === "provider_refused" ? [`${told.provider} ${told.fault}`] : []
      }),
    async stop() {
      await miniflare.dispose()
      await provider.stop()
      await others.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
