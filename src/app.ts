/** The composition root: registry + ports + doors. The only file that knows every folder. */
import { restDoor } from "./api/rest/index.ts"
import { authenticator } from "./authentication/authenticate.ts"
import { type Config, configOf, type Env } from "./config.ts"
import { explainOperation } from "./core/explain.ts"
import type { Models } from "./core/model.ts"
import type { Observe } from "./core/observation.ts"
import type { Ports } from "./core/ports.ts"
import { type Application, buildRegistry, type Registry } from "./core/registry.ts"
import { openStore } from "./database/store.ts"
import { logObservation } from "./observability/log.ts"
import { checkHealth } from "./server/health.ts"
import { ids } from "./server/ids.ts"
import { shield } from "./server/shield.ts"

/** An application that is ready to answer. One an isolate. */
export interface Served {
  readonly registry: Registry
  readonly fetch: (request: Request) => Promise<Response>
}

/** The registry of an application with the engine's own operations. Needs no binding: the generated documents are made from it. */
export function registryOf(application: Application, options: { readonly development: boolean }): Registry {
  const registry: Registry = buildRegistry(application, {
    engine: [explainOperation((): Models => registry.models, options)],
    eager: options.development,
  })
  return registry
}

const encoder = new TextEncoder()

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

function portsOf(env: Env, config: Config, registry: Registry, observe: Observe): Ports {
  const { models } = registry
  const store = { database: env.DB, models, cursorSecret: config.cursorSecret, ids }
  return {
    openStore: (session) => openStore(store, session),
    authenticate: authenticator(config.token),
    ...shield(env.SHIELD),
    ids,
    now: () => new Date(),
    elapsed: () => performance.now(),
    hash: sha256,
    observe,
    development: config.development,
  }
}

/**
 * Composes an application over the bindings of an isolate.
 * @throws ConfigError when a binding, variable or secret is missing; Error when a declaration could fail open
 */
export function serve(application: Application, env: Env, observe: Observe = logObservation): Served {
  const config = configOf(env)
  const registry = registryOf(application, { development: config.development })
  const ports = portsOf(env, config, registry, observe)
  const assets = env.ASSETS
  const fetch = restDoor({
    registry,
    ports,
    settings: {
      development: config.development,
      corsOrigins: config.corsOrigins,
      requestId: () => crypto.randomUUID(),
    },
    assets: assets ? (request: Request) => assets.fetch(request) : null,
    health: () => checkHealth(env, observe, ports),
  })
  return { registry, fetch }
}
