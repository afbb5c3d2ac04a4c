/** The caches of an isolate: what it keeps, whom it hears of changes, and the reader of the feed that tells all isolates. Only composition. */
import type { AnswerCache } from "./core/answers.ts"
import type { Membership } from "./core/organization.ts"
import type { Principal } from "./core/principal.ts"
import type { CompiledOperation, Registry } from "./core/registry.ts"
import { concerning, tagsOfWrites, touchableOf } from "./core/tags.ts"
import { loadMemberships } from "./database/memberships.ts"
import type { Touching } from "./database/touching.ts"
import type { Reader } from "./feed/tail.ts"
import { lagMs, touchesReader } from "./feed/touches.ts"
import { answerCache } from "./server/caching/answers.ts"
import { freshness } from "./server/caching/freshness.ts"
import { edgeLevel, kvLevel } from "./server/caching/levels.ts"
import { membershipMemory } from "./server/caching/memberships.ts"
import { answerKey, answerPath, answersCacheName } from "./server/keys.ts"
import type { World } from "./world.ts"

/** The caches of an isolate. */
export interface Caches {
  readonly answers: AnswerCache
  readonly memberships: (principal: Principal) => Promise<readonly Membership[]>
  /** Hears of this isolate's commits. */
  readonly touching: Touching
  /** Tells those of others, from the feed. */
  readonly reader: Reader
}

/**
 * Makes them.
 * @param hash SHA-256 of text, hex
 */
export function cachesOf(world: World, registry: Registry, hash: (text: string) => Promise<string>): Caches {
  const { env, config, behind, observe, now, tell } = world
  const touchable = touchableOf(registry.models, registry.operations.values(), registry.organizations)
  const known = freshness({
    touches: world.touches,
    behind,
    onFault: (cause) => tell("cache touches", cause),
  })
  const { edge = () => caches.open(answersCacheName) } = world.runtime
  const edges = edge === null ? [] : [edgeLevel(edge, (hash) => config.publicUrl + answerPath(hash))]
  const answers = answerCache({
    freshness: known,
    levels: [...edges, kvLevel(env.CACHE, answerKey)],
    hash,
    buildOf: (operation) => buildOf(world, registry, operation),
    behind,
    observe,
    now,
  })
  const memberships = membershipMemory({
    load: (user) => loadMemberships(env.DB, registry.models, registry.organizations, user),
    freshness: known,
    behind,
    now,
  })
  const isConcerned = concerning(touchable).size > 0
  return {
    answers,
    memberships: async (principal) =>
      principal.kind === "user" && registry.organizations !== null ? memberships(principal.id) : [],
    touching: {
      tagsOf: (writes) => (isConcerned ? tagsOfWrites(touchable, writes) : []),
      touched: (tags, sequence) =>
        known.touch(
          tags.map((tag) => ({ tag, sequence })),
          now().getTime(),
          touchable.lifeMs + lagMs,
        ),
    },
    reader: touchesReader({ touchable: () => touchable, touches: world.touches }),
  }
}

const builds = new WeakMap<CompiledOperation, string>()

/** What tells this build's answers from those of others: its id, or where the platform tells none, the shape of the answer. */
function buildOf({ env }: World, { title, version }: Registry, operation: CompiledOperation): string {
  let build = builds.get(operation)
  if (build === undefined) {
    const id = env.VERSION?.id
    const { schema, named } = id === undefined ? operation.outputType : {}
    builds.set(operation, (build = JSON.stringify([title, version, id, schema, named])))
  }
  return build
}
