/**
 * Two bindings for Miniflare that a bench needs and it has not. A D1 binding (the platform's own client code) whose database stands in
 * another process, so that the CPU of the storage simulation is counted apart. And a Rate Limiting binding that counts in memory: the
 * local simulation writes to disk on every request, which the real one does not. Miniflare loads this file by its path.
 */

interface WorkerOptions {
  config: { env?: Record<string, { type: string; dev?: { options?: { address?: string } } }> }
}

const rateLimitModule = "selvage-bench:rate-limit"
const serviceOf = (name: string) => `selvage-bench:${name}`

function bindingsOf(options: WorkerOptions) {
  return Object.entries(options.config.env ?? {}).filter(([, binding]) => binding.type.startsWith("unsafe:selvage-"))
}

const plugin = {
  getBindings: (options: WorkerOptions) =>
    bindingsOf(options).map(([name, { type }]) =>
      type === "unsafe:selvage-d1"
        ? {
            name,
            wrapped: {
              moduleName: "cloudflare-internal:d1-api",
              innerBindings: [{ name: "fetcher", service: { name: serviceOf(name) } }],
            },
          }
        : { name, wrapped: { moduleName: rateLimitModule, innerBindings: [] } },
    ),
  getNodeBindings: () => ({}),
  getServices: async ({ options }: { options: WorkerOptions }) =>
    bindingsOf(options)
      .filter(([, { type }]) => type === "unsafe:selvage-d1")
      .map(([name, { dev }]) => ({ name: serviceOf(name), external: { address: dev?.options?.address, http: {} } })),
  getExtensions: () => [
    {
      modules: [
        {
          name: rateLimitModule,
          internal: true,
          esModule: `export default () => { const counts = new Map()
            return { async limit({ key }) { counts.set(key, (counts.get(key) ?? 0) + 1); return { success: true } } } }`,
        },
      ],
    },
  ],
}

/** What Miniflare reads: plugins by name. */
export const plugins = { "selvage-bench": plugin }

/** Miniflare options of a D1 binding to the database behind `address` (host:port). */
export function remoteDatabase(name: string, address: string) {
  return {
    name,
    type: "selvage-d1",
    plugin: { package: import.meta.filename, name: "selvage-bench" },
    options: { address },
  }
}

/** Miniflare options of a Rate Limiting binding that never refuses. */
export function openShield(name: string) {
  return { name, type: "selvage-limit", plugin: { package: import.meta.filename, name: "selvage-bench" }, options: {} }
}
