/** What is said of lives must hold together: days are days, replacements exist, and each operation stands somewhere. */
import { checkLifecycle, checkReplacement, type FieldLifecycle } from "./lifecycle.ts"
import { fieldNames, lifecycleOf, type Model, type Models } from "./model.ts"
import type { Mount } from "./mount.ts"
import type { Operation } from "./operation.ts"
import type { Version } from "./version.ts"

function checkValues(model: Model, key: string, { values = {} }: FieldLifecycle): void {
  const kind = model.columns.get(key)?.kind
  for (const [value, life] of Object.entries(values)) {
    const subject = `Resource ${model.name}, field ${key}, value ${value}`
    if (kind?.type !== "enum" || !kind.values.includes(value))
      throw new Error(`${subject}: the field has no such value`)
    checkLifecycle(life, subject)
    checkReplacement(life, value, new Set(kind.values), subject)
  }
}

function checkModel(model: Model, models: Models): void {
  const subject = `Resource ${model.name}`
  checkLifecycle(model.resource, subject)
  checkReplacement(model.resource, model.name, models, subject)
  const names = new Set([...fieldNames(model), ...model.relations.keys()])
  for (const key of names) {
    const life = lifecycleOf(model, key)
    if (!life) continue
    checkLifecycle(life, `${subject}, field ${key}`)
    checkReplacement(life, key, names, `${subject}, field ${key}`)
    checkValues(model, key, life)
  }
}

function checkVersions(versions: readonly Version[], operations: ReadonlyMap<string, Placed>): void {
  const prefixes = new Set<string>()
  for (const { prefix } of versions) {
    if (prefixes.has(prefix)) throw new Error(`Two versions stand at ${prefix}`)
    prefixes.add(prefix)
  }
  for (const version of versions) {
    const subject = `Version ${version.prefix}`
    checkLifecycle(version, subject)
    checkReplacement(version, version.prefix, prefixes, subject)
    for (const name of version.without) {
      const operation = operations.get(name)
      if (!operation) throw new Error(`${subject}: without names ${name}, which is no operation`)
      if (operation.mount)
        throw new Error(`${subject}: without names ${name}, which stands in the mount ${operation.mount.prefix}`)
    }
  }
  for (const { name, mount } of operations.values())
    if (mount === null && versions.every(({ without }) => without.has(name)))
      throw new Error(`Operation ${name}: no version serves it; take it from one version's without`)
}

type Placed = Operation & { readonly mount: Mount | null }

/**
 * Checks what an application says of the lives of its parts.
 * @throws Error naming the part, the fault and the cure
 */
export function checkLives(
  models: Models,
  operations: ReadonlyMap<string, Placed>,
  mounts: readonly Mount[],
  versions: readonly Version[],
): void {
  if (versions.length === 0) throw new Error("app({ versions: [] }): leave versions out for /v1 alone")
  for (const model of models.values()) checkModel(model, models)
  for (const operation of operations.values()) {
    checkLifecycle(operation, `Operation ${operation.name}`)
    checkReplacement(operation, operation.name, operations, `Operation ${operation.name}`)
  }
  for (const { prefix } of mounts) {
    const taken = versions.find((version) => `${prefix}/`.startsWith(`${version.prefix}/`))
    if (taken) throw new Error(`Mount ${prefix}: the version ${taken.prefix} stands there`)
  }
  checkVersions(versions, operations)
}
