/** Records as resources: `selvage://tasks/task_…`, one template a resource that can be read one by one. */
import type { CompiledOperation, Registry } from "../../core/registry.ts"

const scheme = "selvage"

/** The templates (RFC 6570 level 1). */
export function templatesOf(registry: Registry) {
  return [...registry.operations.values()]
    .filter(({ standard }) => standard?.verb === "get")
    .map(({ standard, summary }) => ({
      uriTemplate: `${scheme}://${standard?.resource}/{id}`,
      name: standard?.resource ?? "",
      description: summary ?? "",
      mimeType: "application/json",
    }))
}

/** The operation that reads a resource, and the record's id; null for a URI of another kind. */
export function operationAt(
  registry: Registry,
  uri: string,
): { readonly operation: CompiledOperation; readonly id: string } | null {
  const [, resource, id] = /^selvage:\/\/([a-z][a-z0-9_]*)\/([A-Za-z0-9_]{1,100})$/.exec(uri) ?? []
  const operation = registry.operations.get(`${resource}.get`)
  return id === undefined || operation?.standard?.verb !== "get" ? null : { operation, id }
}
